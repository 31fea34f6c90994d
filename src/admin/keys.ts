import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { filter, oneOf } from '../fields.ts'
import { emptyIsObject, emptyOnly } from '../json-bodies.ts'
import { KeyView, keySettings, keyStatuses, keyView, NewKeyView } from '../keys/key-view.ts'
import { KeyChangeBody, KeyWishBody, keyChangeIn, keyWishIn, RotationBody } from '../keys/key-wish.ts'
import { ChangedMeanwhile, type Keys } from '../keys/keys.ts'
import { known, oneId } from '../known-ids.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'
import { mustMatch, outrun, tag } from './versions.ts'

const Query = Type.Object(
  {
    account: filter('Only keys of this account.'),
    status: Type.Optional(oneOf(keyStatuses, 'Only keys in this state.')),
    ...pageQuery,
  },
  { additionalProperties: false },
)
const tags = ['keys']
const params = oneId('The key.', 'key_01hq3w8kzp0000m4n5p6q7r8s9')

/** Making, listing and changing keys, and the two ends of one: rotated or revoked. */
export function keys(scope: TypedScope, rooms: AdminRooms): void {
  making(scope, rooms)
  reading(scope, rooms)
  changing(scope, rooms)
  ending(scope, rooms)
}

function making(scope: TypedScope, { store, accounts, keys, catalog }: AdminRooms): void {
  const schema = {
    ...{
      params: oneId('The account that will pay.', 'acc_01hq3w8kzp0000m4n5p6q7r8s9'),
      body: KeyWishBody,
      response: { 201: NewKeyView },
    },
    ...{
      tags,
      summary: 'Make a key; its secret is shown only here',
      operationId: 'createKey',
      ...mayRefuse('conflict'),
    },
  }
  scope.post('/accounts/:id/keys', { schema }, async (request, reply) => {
    const account = await accounts.get(known(request.params.id, 'acc'))
    const wish = keyWishIn(request.body, { offerIds: catalog.ids, nowMs: Date.now() })
    const { id, secret, key, unit } = keys.issuing(account.id, wish)
    const after = { account_id: account.id, ...keySettings(key) }
    const told = note(operatorOf(request).id, 'keys.create', id, undefined, after)
    const done = await store.write([...unit, told])
    if (done.refused !== undefined) throw new Problem('conflict', { sentence: 'The account is closed.' })
    const made = await keys.get(id)
    tag(reply.code(201), made.version)
    return { ...keyView(made, Date.now()), secret }
  })
}

function reading(scope: TypedScope, { keys }: AdminRooms): void {
  const listed = {
    querystring: Query,
    response: { 200: pageOf(KeyView) },
    tags,
    summary: 'List keys',
    operationId: 'listKeys',
  }
  scope.get('/keys', { schema: listed }, async ({ query }) => {
    const { account: accountId, status } = query
    const [limit, nowMs] = [limitOf(query), Date.now()]
    const rows = await keys.list({ accountId, status, before: beforeOf(query, 'key'), limit: limit + 1 })
    return page(
      rows,
      limit,
      (key) => keyView(key, nowMs),
      ({ id }) => id,
    )
  })

  const shown = { params, response: { 200: KeyView }, tags, summary: 'Show a key', operationId: 'getKey' }
  scope.get('/keys/:id', { schema: shown }, async (request, reply) => {
    const key = await keys.get(known(request.params.id, 'key'))
    tag(reply, key.version)
    return keyView(key, Date.now())
  })
}

function changing(scope: TypedScope, { keys, catalog }: AdminRooms): void {
  const schema = {
    params,
    body: KeyChangeBody,
    response: { 200: KeyView },
    tags,
    summary: 'Change a key',
    operationId: 'updateKey',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.patch('/keys/:id', { schema }, async (request, reply) => {
    const key = await asSeen(request, request.params.id, keys)
    const wish = keyChangeIn(request.body, { offerIds: catalog.ids, nowMs: Date.now() })
    const [before, after] = [keySettings(key), keySettings({ ...key, ...wish })]
    const told = note(operatorOf(request).id, 'keys.change', key.id, before, after)
    const changed = await keys.change(key, wish, [told]).catch(outrunOr(request))
    tag(reply, changed.version)
    return keyView(changed, Date.now())
  })
}

function ending(scope: TypedScope, { keys }: AdminRooms): void {
  const rotated = {
    ...{ params, body: RotationBody, response: { 201: NewKeyView }, tags },
    summary: 'Replace a key by a successor with the same limits on the same counters',
    operationId: 'rotateKey',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.post('/keys/:id/rotate', { schema: rotated, preValidation: emptyIsObject }, async (request, reply) => {
    const key = await asSeen(request, request.params.id, keys)
    const { grace_seconds: grace = 0 } = request.body
    const { id, secret } = await keys
      .rotate(key, grace * 1000, (successor) => {
        const after = { successor, grace_seconds: grace }
        return [note(operatorOf(request).id, 'keys.rotate', key.id, keySettings(key), after)]
      })
      .catch(outrunOr(request))
    const successor = await keys.get(id)
    tag(reply.code(201), successor.version)
    return { ...keyView(successor, Date.now()), secret }
  })

  const revoked = {
    params,
    response: { 200: KeyView },
    tags,
    summary: 'Revoke a key at once and for good',
    operationId: 'revokeKey',
    ...mayRefuse('precondition_failed'),
  }
  scope.post('/keys/:id/revoke', { schema: revoked, preValidation: emptyOnly }, async (request, reply) => {
    const key = await asSeen(request, request.params.id, keys)
    const status = { before: { revoked: false }, after: { revoked: true } }
    const told = note(operatorOf(request).id, 'keys.revoke', key.id, status.before, status.after)
    const ended = await keys.revoke(key.id, [told])
    tag(reply, ended.version)
    return keyView(ended, Date.now())
  })
}

async function asSeen(request: FastifyRequest, id: string, keys: Keys) {
  const key = await keys.get(known(id, 'key'))
  mustMatch(request, key.version)
  return key
}

function outrunOr(request: FastifyRequest) {
  return (error: unknown): never => {
    throw error instanceof ChangedMeanwhile ? outrun(request, 'key') : error
  }
}
