import type { FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { formatSum } from '../credits.ts'
import { type Cell, wantsCsv } from '../csv.ts'
import { fault, oneOf, pattern, rangeOf, rangeQuery } from '../fields.ts'
import { limitOf, page, pageOf, pageQuery, placeOf } from '../pages.ts'
import type { Store } from '../store/store.ts'
import { csvReply, orCsv, pages } from '../streams.ts'
import { dayOf, dayText } from '../times.ts'
import { type Grouping, groupings, type Place, type Usage, usage } from './usage.ts'
import { type Column, columnsOf, orderOf } from './usage-texts.ts'

/** What every report of usage takes; `by` is what it may be summed by. */
export function usageQuery(by: readonly Grouping[]) {
  const word = `(?:${by.join('|')})`
  const shape = `^${word}(?:,${word}){0,${by.length - 1}}$`
  const text = Type.String({
    pattern: pattern(shape, `must be a list of ${by.join(', ')}`),
    description: `What to sum by, separated by commas: ${by.join(', ')}. One row in all if not given.`,
    examples: [by.slice(0, 2).join(',')],
  })
  return { group_by: Type.Optional(text), ...rangeQuery, ...pageQuery }
}

const UsageView = Type.Object(
  {
    day: Type.Optional(Type.String({ description: 'A day in UTC.', examples: ['2026-11-22'] })),
    account_id: Type.Optional(Type.String({ examples: ['acc_01hq3w8kzp0000m4n5p6q7r8s9'] })),
    key_id: Type.Optional(Type.String({ examples: ['key_01hq3w8kzp0000m4n5p6q7r8s9'] })),
    offer: Type.Optional(Type.String({ examples: ['stable-image-core'] })),
    mode: oneOf(['live', 'test'], 'Live and test calls are never summed together.'),
    calls: Type.Integer({ examples: [120] }),
    succeeded: Type.Integer({ description: 'Filtered ones included.', examples: [118] }),
    failed: Type.Integer({ examples: [2] }),
    credits: Type.Number({ description: 'What was charged and not given back.', examples: [354] }),
  },
  { title: 'Usage' },
)

/** How a report of usage is described. */
export const usageSchema = {
  ...{ response: orCsv(pageOf(UsageView)), tags: ['usage'] },
  ...{ summary: 'What was called and charged', description: 'By UTC day: a day that from or to cuts counts whole.' },
}

type Asked = {
  readonly query: {
    readonly group_by?: string
    readonly from?: string
    readonly to?: string
    readonly limit?: string
    readonly cursor?: string
  }
  readonly headers: { readonly accept?: string }
}

/** Answers sums of the roll-ups by UTC day, of one account or of all: a page as JSON, or all of it as CSV. */
export async function usageReport(
  store: Store,
  accountId: string | undefined,
  { query, headers }: Asked,
  reply: FastifyReply,
) {
  const by = groupingsIn(query.group_by)
  const wanted = { by, accountId, ...daysOf(rangeOf(query)) }
  const order = orderOf(wanted)
  const first = query.cursor === undefined ? undefined : placeOf(query.cursor, (text) => placeIn(text, order))
  const read = (limit: number, after: Place | undefined) => usage(store, { ...wanted, after, limit })
  if (!wantsCsv(headers.accept)) {
    const limit = limitOf(query)
    const rows = await read(limit + 1, first)
    return page(
      rows,
      limit,
      (row) => viewOf(row, by, order),
      ({ place }) => JSON.stringify(place),
    )
  }
  const most = query.limit === undefined ? undefined : limitOf(query)
  const rows = pages<Usage>((limit, last) => read(limit, last?.place ?? first), most)
  const columns = [...columnsOf(by), 'mode', 'calls', 'succeeded', 'failed', 'credits']
  return csvReply(
    reply,
    'usage',
    columns,
    cells(rows, columns, (row) => viewOf(row, by, order)),
  )
}

function groupingsIn(text: string | undefined): readonly Grouping[] {
  const words = text?.split(',') ?? []
  if (new Set(words).size < words.length) throw fault('group_by: names one thing twice')
  return groupings.filter((grouping) => words.includes(grouping))
}

function daysOf({ fromMs, toMs }: { readonly fromMs: number | undefined; readonly toMs: number | undefined }) {
  return {
    firstDay: fromMs === undefined ? undefined : dayOf(fromMs),
    lastDay: toMs === undefined ? undefined : dayOf(toMs - 1),
  }
}

/** The place inside a cursor, if it is one of this report. */
function placeIn(text: string, order: readonly Column[]): Place | undefined {
  const place = jsonIn(text)
  const columns = [...order, 'mode']
  if (!Array.isArray(place) || place.length !== columns.length) return undefined
  const fits = columns.every((column, index) => {
    const value: unknown = place[index]
    return column === 'day' ? Number.isSafeInteger(value) : typeof value === 'string' && /^[!-~]{1,200}$/.test(value)
  })
  return fits ? (place as Place) : undefined
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function viewOf(
  { place, mode, calls, succeeded, failed, credits }: Usage,
  by: readonly Grouping[],
  order: readonly Column[],
): Static<typeof UsageView> {
  const places = columnsOf(by).map((column) => {
    const value = place[order.indexOf(column)] ?? ''
    return [column, column === 'day' ? dayText(Number(value)) : value]
  })
  return { ...Object.fromEntries(places), mode, calls, succeeded, failed, credits: Number(formatSum(credits)) }
}

async function* cells(
  rows: AsyncIterable<readonly Usage[]>,
  columns: readonly string[],
  view: (row: Usage) => Readonly<Record<string, Cell>>,
) {
  for await (const some of rows) {
    yield some.map((row) => {
      const told = view(row)
      return columns.map((column) => told[column] ?? null)
    })
  }
}
