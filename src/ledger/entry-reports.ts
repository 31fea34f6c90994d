import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { jsonCredits } from '../credits.ts'
import { wantsCsv } from '../csv.ts'
import { monthText, rangeOf, rangeQuery } from '../fields.ts'
import { beforeOf, forged, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { Store } from '../store/store.ts'
import { csvReply, jsonReply, orCsv, pages } from '../streams.ts'
import { formatTime, monthOf } from '../times.ts'
import { type AccountStatement, entries, statement } from './entries.ts'
import { EntryView, entryCells, entryColumns, entryView } from './entry-view.ts'
import type { Entry } from './ledger.ts'

export const EntriesQuery = Type.Object({ ...rangeQuery, ...pageQuery }, { additionalProperties: false })
export const MonthQuery = Type.Object(
  { month: Type.Optional(monthText('A month in UTC; the present one if not given.')) },
  { additionalProperties: false },
)
const StatementView = Type.Object(
  {
    account_id: Type.String({ description: 'The account.', examples: ['acc_01hq3w8kzp0000m4n5p6q7r8s9'] }),
    month: monthText('A month in UTC.'),
    opening: Type.Number({ description: 'Posted credits before the first entry.', examples: [100] }),
    closing: Type.Number({ description: 'Posted credits after the last entry.', examples: [97] }),
    entries: Type.Array(EntryView, { description: 'Oldest first; opening and their sum make closing.' }),
  },
  { title: 'Statement' },
)
export const entriesResponse = orCsv(pageOf(EntryView))
export const statementResponse = orCsv(StatementView)

type Asked<Query> = { readonly query: Query; readonly headers: { readonly accept?: string } }
type EntriesAsked = Asked<Parameters<typeof rangeOf>[0] & { readonly limit?: string; readonly cursor?: string }>

/** Answers what moved the credits of an account, newest first: a page as JSON, or all of it as CSV. */
export async function entriesReport(
  store: Store,
  accountId: string,
  { query, headers }: EntriesAsked,
  reply: FastifyReply,
) {
  const wanted = { accountId, ...rangeOf(query) }
  const first = beforeOf(query, 'ent')
  const read = async (limit: number, before: string | undefined): Promise<readonly Entry[]> => {
    const found = await entries(store, { ...wanted, before, limit })
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
}

/** Answers the statement of a month, oldest entry first, as JSON or CSV. */
export async function statementReport(
  store: Store,
  accountId: string,
  { query, headers }: Asked<{ readonly month?: string }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const month = query.month ?? formatTime(Date.now()).slice(0, 7)
  const stated = await statement(store, accountId, monthOf(month))
  if (!wantsCsv(headers.accept)) return jsonReply(reply, written(accountId, month, stated))
  return csvReply(reply, `statement-${accountId}-${month}`, entryColumns, table(month, stated))
}

async function* cells(rows: AsyncIterable<readonly Entry[]>) {
  for await (const some of rows) yield some.map(entryCells)
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
