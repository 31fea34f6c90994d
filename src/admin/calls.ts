import { Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { wantsCsv } from '../csv.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { filter, oneOf, rangeOf, rangeQuery, text } from '../fields.ts'
import { known, oneId } from '../known-ids.ts'
import { CallStoryView, CallView, callCells, callColumns, callStory, callView } from '../ledger/call-view.ts'
import { call, callStates, calls as callsIn, entriesOf } from '../ledger/calls.ts'
import { EntryView, entryView } from '../ledger/entry-view.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { Row, Store } from '../store/store.ts'
import { csvReply, orCsv, pages } from '../streams.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'

const Query = Type.Object(
  {
    account: filter('Only calls of this account.'),
    key: filter('Only calls with this key.'),
    offer: filter('Only calls of this offer.'),
    state: Type.Optional(oneOf(callStates, 'Only calls whose hold is in this state.')),
    ...rangeQuery,
    ...pageQuery,
  },
  { additionalProperties: false },
)
const Refund = Type.Object(
  { reason: text({ description: 'Why; it stays in the statement.', examples: ['wrong picture'] }) },
  { title: 'Refund', additionalProperties: false },
)
const tags = ['calls']
const params = oneId('The call.', 'call_01hq3w8kzp0000m4n5p6q7r8s9')

/** What was called, why it cost what it cost, and giving a charge back. */
export function calls(scope: TypedScope, { store, accounts, keys, ledger }: AdminRooms): void {
  const listed = {
    querystring: Query,
    response: orCsv(pageOf(CallView)),
    tags,
    summary: 'List calls',
    operationId: 'listCalls',
  }
  scope.get('/calls', { schema: listed }, async ({ query, headers }, reply) => {
    const { account: accountId, key: keyId, offer, state } = query
    const wanted = { accountId, keyId, offer, state, ...rangeOf(query) }
    const first = beforeOf(query, 'call')
    if (!wantsCsv(headers.accept)) {
      const limit = limitOf(query)
      const rows = await callsIn(store, { ...wanted, before: first, limit: limit + 1 })
      return page(rows, limit, callView, idOf)
    }
    const most = query.limit === undefined ? undefined : limitOf(query)
    const read = (limit: number, last: Row | undefined) =>
      callsIn(store, { ...wanted, before: last ? idOf(last) : first, limit })
    return csvReply(reply, 'calls', callColumns, cells(pages<Row>(read, most)))
  })

  const shown = {
    params,
    response: { 200: CallStoryView },
    tags,
    summary: 'Show a call and why it cost what it cost',
    operationId: 'getCall',
  }
  scope.get('/calls/:id', { schema: shown }, async (request) => {
    const row = await oneCall(store, request.params.id)
    const [key, entries] = await Promise.all([keys.get(String(row['key_id'])), entriesOf(store, String(row['id']))])
    return callStory(row, { key, entries })
  })

  const refunded = {
    params,
    body: Refund,
    response: { 201: EntryView },
    tags,
    summary: 'Give a charge back, once',
    operationId: 'refundCall',
    ...mayRefuse('conflict', 'already_refunded'),
  }
  scope.post('/calls/:id/refund', { schema: refunded }, async (request, reply) => {
    const row = await oneCall(store, request.params.id)
    const account = await accounts.get(String(row['account_id']))
    if (account.status === 'closed') throw new Problem('conflict', { sentence: 'The account is closed.' })
    const { id } = callView(row)
    const { reason } = request.body
    const told = note(operatorOf(request).id, 'calls.refund', id, undefined, { reason, credits: callView(row).credits })
    const entry = await ledger.refund(id, reason, [stillOpen(account.id), told])
    reply.code(201)
    return entryView(entry)
  })
}

function idOf(row: Row): string {
  return String(row['id'])
}

async function* cells(rows: AsyncIterable<readonly Row[]>) {
  for await (const some of rows) yield some.map(callCells)
}

/** Throws Problem not_found. */
async function oneCall(store: Store, id: string): Promise<Row> {
  const row = await call(store, known(id, 'call'))
  if (!row) throw new Problem('not_found', { sentence: 'There is no such call.' })
  return row
}

// The balance of a closed account is frozen, also for a refund that was on its way when it was closed.
function stillOpen(accountId: string) {
  const sql = `UPDATE accounts SET version = version WHERE id = $1 AND status <> 'closed'`
  return { sql, params: [accountId], must: 'closed' }
}
