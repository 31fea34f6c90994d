import { Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { oneOf } from '../fields.ts'
import { emptyIsObject, emptyOnly } from '../json-bodies.ts'
import { KeyView, keySettings, keyStatuses, keyView, NewKeyView } from '../keys/key-view.ts'
import { KeyWishBody, keyWishIn, RotationBody } from '../keys/key-wish.ts'
import type { Identity, KeyInUse } from '../keys/keys.ts'
import { narrowed, stillStands, widerIn } from '../keys/wider.ts'
import { known, oneId } from '../known-ids.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import { callerOf, type PortalRooms } from './portal.ts'

const Query = Type.Object(
  { status: Type.Optional(oneOf(keyStatuses, 'Only keys in this state.')), ...pageQuery },
  { additionalProperties: false },
)
const tags = ['own keys']
const params = oneId('The key.', 'key_01hq3w8kzp0000m4n5p6q7r8s9')
const listed = {
  ...{ querystring: Query, response: { 200: pageOf(KeyView) }, tags, operationId: 'listOwnKeys' },
  summary: 'List the own keys',
}
const shown = {
  ...{ params, response: { 200: KeyView }, tags, operationId: 'getOwnKey' },
  summary: 'Show a key',
}
const made = {
  ...{ body: KeyWishBody, response: { 201: NewKeyView }, tags, operationId: 'createOwnKey', ...mayRefuse('conflict') },
  summary: 'Make a key; its secret is shown only here',
  description:
    'Needs the right `manage`. What is left out is as on the key that asks; nothing of the new key is ever wider.',
}
const rotated = {
  ...{
    params,
    body: RotationBody,
    response: { 201: NewKeyView },
    tags,
    operationId: 'rotateOwnKey',
    ...mayRefuse('conflict'),
  },
  summary: 'Replace a key by a successor with the same limits on the same counters',
  description: 'Needs the right `manage`, and a key that is in nothing wider than the one that asks.',
}
const revoked = {
  ...{ params, response: { 200: KeyView }, tags, operationId: 'revokeOwnKey' },
  summary: 'Revoke a key at once and for good',
  description: 'Needs the right `manage`, and a key that is in nothing wider than the one that asks.',
}

/** The keys of the own account. */
export function reading(scope: TypedScope, { keys }: PortalRooms): void {
  scope.get('/keys', { schema: listed }, async (request) => {
    const { query } = request
    const [limit, nowMs] = [limitOf(query), Date.now()]
    const wanted = { accountId: callerOf(request).accountId, status: query.status, before: beforeOf(query, 'key') }
    const rows = await keys.list({ ...wanted, limit: limit + 1 })
    return page(
      rows,
      limit,
      (key) => keyView(key, nowMs),
      ({ id }) => id,
    )
  })

  scope.get('/keys/:id', { schema: shown }, async (request) => {
    const key = await keys.get(known(request.params.id, 'key'), callerOf(request).accountId)
    return keyView(key, Date.now())
  })
}

/** Making, rotating and revoking keys of the own account, none of them wider than the key that asks. */
export function managing(scope: TypedScope, rooms: PortalRooms): void {
  making(scope, rooms)
  ending(scope, rooms)
}

function making(scope: TypedScope, { store, keys, catalog }: PortalRooms): void {
  scope.post('/keys', { schema: made }, async (request, reply) => {
    const caller = callerOf(request)
    const wish = narrowed(keyWishIn(request.body, { offerIds: catalog.ids, nowMs: Date.now() }), caller)
    mayNotBeWider(widerIn(wish, caller))
    const { id, secret, key, unit } = keys.issuing(caller.accountId, wish)
    const told = note(caller.id, 'keys.create', id, undefined, { account_id: caller.accountId, ...keySettings(key) })
    const done = await store.write([stillStands(caller), ...unit, told])
    if (done.refused !== undefined) {
      keys.forget()
      throw new Problem('conflict', { sentence: 'Your key or its account was changed meanwhile; try again.' })
    }
    reply.code(201)
    return { ...keyView(await keys.get(id), Date.now()), secret }
  })
}

function ending(scope: TypedScope, { keys }: PortalRooms): void {
  async function ownKey(id: string, caller: Identity): Promise<KeyInUse> {
    const key = await keys.get(known(id, 'key'), caller.accountId)
    if (key.id !== caller.id) mayNotBeWider(widerIn(key, caller))
    return key
  }

  scope.post('/keys/:id/rotate', { schema: rotated, preValidation: emptyIsObject }, async (request, reply) => {
    const caller = callerOf(request)
    const key = await ownKey(request.params.id, caller)
    const { grace_seconds: grace = 0 } = request.body
    const { id, secret } = await keys.rotate(key, grace * 1000, (successor) => [
      // The caller's own key is looked at again by the rotation itself.
      ...(key.id === caller.id ? [] : [stillStands(caller)]),
      note(caller.id, 'keys.rotate', key.id, keySettings(key), { successor, grace_seconds: grace }),
    ])
    reply.code(201)
    return { ...keyView(await keys.get(id), Date.now()), secret }
  })

  scope.post('/keys/:id/revoke', { schema: revoked, preValidation: emptyOnly }, async (request) => {
    const caller = callerOf(request)
    const key = await ownKey(request.params.id, caller)
    const told = note(caller.id, 'keys.revoke', key.id, { revoked: false }, { revoked: true })
    return keyView(await keys.revoke(key.id, [told]), Date.now())
  })
}

function mayNotBeWider(errors: readonly string[]): void {
  if (errors.length === 0) return
  throw new Problem('forbidden', { sentence: 'That key would be wider than your own.', errors })
}
