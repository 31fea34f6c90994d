import { Type } from 'typebox'
import { Problem } from '../errors.ts'
import { filter, oneOf, rangeOf, rangeQuery } from '../fields.ts'
import { known, oneId } from '../known-ids.ts'
import { call, callStates, calls as callsIn, entriesOf } from '../ledger/calls.ts'
import { OwnCallStoryView, OwnCallView, ownCallStory, ownCallView } from '../ledger/own-call-view.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import { callerOf, type PortalRooms } from './portal.ts'

const Query = Type.Object(
  {
    key: filter('Only calls with this key.'),
    offer: filter('Only calls of this offer.'),
    state: Type.Optional(oneOf(callStates, 'Only calls whose hold is in this state.')),
    ...rangeQuery,
    ...pageQuery,
  },
  { additionalProperties: false },
)
const tags = ['own calls']
const listed = {
  ...{ querystring: Query, response: { 200: pageOf(OwnCallView) }, tags, operationId: 'listOwnCalls' },
  summary: 'List the own calls',
}
const shown = {
  ...{
    params: oneId('The call.', 'call_01hq3w8kzp0000m4n5p6q7r8s9'),
    response: { 200: OwnCallStoryView },
    tags,
    operationId: 'getOwnCall',
  },
  summary: 'Show a call and why it cost what it cost',
}

/** What the own keys called, and why it cost what it cost. */
export function calls(scope: TypedScope, { store, keys }: PortalRooms): void {
  scope.get('/calls', { schema: listed }, async (request) => {
    const { query } = request
    const limit = limitOf(query)
    const { key: keyId, offer, state } = query
    const wanted = { accountId: callerOf(request).accountId, keyId, offer, state, ...rangeOf(query) }
    const rows = await callsIn(store, { ...wanted, before: beforeOf(query, 'call'), limit: limit + 1 })
    return page(rows, limit, ownCallView, (row) => String(row['id']))
  })

  scope.get('/calls/:id', { schema: shown }, async (request) => {
    const { accountId } = callerOf(request)
    const row = await call(store, known(request.params.id, 'call'), accountId)
    if (!row) throw new Problem('not_found', { sentence: 'There is no such call.' })
    const [key, entries] = await Promise.all([
      keys.get(String(row['key_id']), accountId),
      entriesOf(store, String(row['id'])),
    ])
    return ownCallStory(row, { key, entries })
  })
}
