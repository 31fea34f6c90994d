import type { Store } from '../store/store.ts'
import { finding, lastOverDay, modes, orderOf } from './usage-texts.ts'

export const groupings = ['day', 'account', 'key', 'offer'] as const
export type Grouping = (typeof groupings)[number]

export type UsageFilter = {
  readonly by: readonly Grouping[]
  readonly accountId?: string | undefined
  /** Numbers such as 20261122, both inclusive. */
  readonly firstDay?: number | undefined
  readonly lastDay?: number | undefined
  /** The place of the last row of the page before. */
  readonly after?: Place | undefined
  readonly limit: number
}

/** What a row is sorted by: the columns of `orderOf`, then the mode. */
export type Place = readonly (string | number)[]

export type Usage = {
  readonly place: Place
  readonly mode: (typeof modes)[number]
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  /** Millionths; a sum may be beyond what a double counts exactly. */
  readonly credits: bigint
}

/** What was called, from the roll-ups by day; live and test calls are never summed together. */
export async function usage(store: Store, asked: UsageFilter): Promise<readonly Usage[]> {
  const [row] = await store.read(known)
  const day = (name: string) => Number(row?.[name] ?? 0)
  const filter = within(asked, day('first'), day('last'))
  if (filter === undefined) return []
  const { sql, params } = finding(filter, Math.min(day('summed'), lastOverDay(Date.now())))
  const columns = orderOf(filter)
  const rows = (await store.read(sql, params)).flatMap((row) => {
    const places = columns.map((column) => (column === 'day' ? Number(row[column]) : String(row[column])))
    return modes.map((mode) => ({
      place: [...places, mode],
      mode,
      calls: Number(row[`${mode}_calls`]),
      succeeded: Number(row[`${mode}_succeeded`]),
      failed: Number(row[`${mode}_failed`]),
      credits: BigInt(String(row[`${mode}_credits`])),
    }))
  })
  return rows.filter((row) => row.calls > 0 && isBeyond(row.place, filter.after)).slice(0, filter.limit)
}

const known = `SELECT (SELECT min(day) FROM usage) AS first, (SELECT max(day) FROM usage) AS last,
  (SELECT day FROM usage_summed) AS summed`

/** The filter without days of which nothing is known: a bound that bounds nothing costs as much as one that does. */
function within(filter: UsageFilter, first: number, last: number): UsageFilter | undefined {
  const { firstDay = first, lastDay = last } = filter
  if (Math.max(first, firstDay) > Math.min(last, lastDay)) return undefined
  const isAll = firstDay <= first && lastDay >= last
  const days = isAll ? [] : [Math.max(first, firstDay), Math.min(last, lastDay)]
  return { ...filter, firstDay: days[0], lastDay: days[1] }
}

// What was read begins at the place itself, of which one mode may be left to tell.
function isBeyond(place: Place, after: Place | undefined): boolean {
  if (after === undefined || place.some((value, index) => index < place.length - 1 && value !== after[index]))
    return true
  return String(place.at(-1)) < String(after.at(-1))
}
