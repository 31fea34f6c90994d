import { Type } from 'typebox'
import { jsonCredits } from '../credits.ts'
import { wantsCsv } from '../csv.ts'
import { monthText, rangeOf, rangeQuery } from '../fields.ts'
import { type AccountStatement, entries as entriesIn, statement } from '../ledger/entries.ts'
import { EntryView, entryCells, entryColumns, entryView } from '../ledger/entry-view.ts'
import type { Entry } from '../ledger/ledger.ts'
import { beforeOf, forged, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import { formatTime, monthOf } from '../times.ts'
import type { AdminRooms } from './admin.ts'
import { known, oneId } from './ids.ts'
import type { AdminScope } from './scope.ts'
import { csvReply, jsonReply, orCsv, pages } from './streams.ts'

const Query = Type.Object({ ...rangeQuery, ...pageQuery }, { additionalProperties: false })
const Month = Type.Object(
  { month: Type.Optional(monthText('A month in UTC; the present one if not given.')) },
  { additionalProperties: false },
)
const StatementView = Type.Object({
  account_id: Type.String(),
  month: monthText('A month in UTC.'),
  opening: Type.Number({ description: 'Posted credits before the first entry.', examples: [100] }),
  closing: Type.Number({ description: 'Posted credits after the last entry.', examples: [97] }),
  entries: Type.Array(EntryView, { description: 'Oldest first; opening and their sum make closing.' }),
})
const tags = ['accounts']
const params = oneId('The account.')

/** What moved an account's credits, as a list and as a monthly statement; JSON or CSV. */
export function entries(scope: AdminScope, rooms: AdminRooms): void {
  listing(scope, rooms)
  stating(scope, rooms)
}

function listing(scope: AdminScope, { store, accounts }: AdminRooms): void {
  const response = orCsv(pageOf(EntryView))
  const schema = { params, querystring: Query, response, tags, summary: 'List what moved the credits of an account' }
  scope.get('/accounts/:id/entries', { schema }, async (request, reply) => {
    const { query, params, headers } = request
    const { id: accountId } = await accounts.get(known(params.id, 'acc'))
    const wanted = { accountId, ...rangeOf(query) }
    const first = beforeOf(query, 'ent')
    const read = async (limit: number, before: string | undefined): Promise<readonly Entry[]> => {
      const found = await entriesIn(store, { ...wanted, before, limit })
      if (!found) throw forged()
      return found
    }
    if (!wantsCsv(headers.accept)) {
      const limit = limitOf(query)
      return page(await read(limit + 1, first), limit, entryView, ({ id }) => id)
    }
    const most = query.limit === undefined ? undefined : limitOf(query)
    const rows = pages<Entry>((limit, last) => read(limit, last?.id ?? first), most)
    return csvReply(reply, `entries-${accountId}`, entryColumns, cells(rows))
  })
}

async function* cells(rows: AsyncIterable<readonly Entry[]>) {
  for await (const some of rows) yield some.map(entryCells)
}

function stating(scope: AdminScope, { store, accounts }: AdminRooms): void {
  const response = orCsv(StatementView)
  const schema = { params, querystring: Month, response, tags, summary: 'The statement of a month' }
  scope.get('/accounts/:id/statement', { schema }, async ({ query, params, headers }, reply) => {
    const { id } = await accounts.get(known(params.id, 'acc'))
    const month = query.month ?? formatTime(Date.now()).slice(0, 7)
    const stated = await statement(store, id, monthOf(month))
    if (wantsCsv(headers.accept)) return csvReply(reply, `statement-${id}-${month}`, entryColumns, table(month, stated))
    return jsonReply(reply, written(id, month, stated))
  })
}

/** The entries between two lines that hold the balance before and after them. */
async function* table(month: string, { opening, closing, entries }: AccountStatement) {
  const line = (kind: string, posted: number) => ['', kind, 0, posted, null, month, null]
  yield [line('opening', jsonCredits(opening))]
  yield* cells(entries)
  yield [line('closing', jsonCredits(closing))]
}

// A busy month does not fit in memory at once, so its JSON is written as it is read.
async function* written(id: string, month: string, { opening, closing, entries }: AccountStatement) {
  const head = { account_id: id, month, opening: jsonCredits(opening), closing: jsonCredits(closing) }
  yield `${JSON.stringify(head).slice(0, -1)},"entries":[`
  let separator = ''
  for await (const some of entries) {
    if (some.length === 0) continue
    yield separator + some.map((entry) => JSON.stringify(entryView(entry))).join(',')
    separator = ','
  }
  yield ']}'
}
