import type { Store, Value } from '../store/store.ts'

export const groupings = ['day', 'account', 'key', 'offer'] as const
export type Grouping = (typeof groupings)[number]

export type UsageFilter = {
  readonly by: readonly Grouping[]
  readonly accountId?: string | undefined
  /** Numbers such as 20261122, both inclusive. */
  readonly firstDay?: number | undefined
  readonly lastDay?: number | undefined
  /** The place of the last row of the page before. */
  readonly after?: readonly (string | number)[] | undefined
  readonly limit: number
}

export type Usage = {
  readonly place: readonly (string | number)[]
  readonly mode: 'live' | 'test'
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  /** Millionths; a sum may be beyond what a double counts exactly. */
  readonly credits: bigint
}

const columns = { day: 'day', account: 'account_id', key: 'key_id', offer: 'offer' } as const

/** What was called, from the roll-ups by day; live and test calls are never summed together. */
export async function usage(store: Store, filter: UsageFilter): Promise<readonly Usage[]> {
  const { sql, params } = finding(filter)
  const places = placesOf(filter.by)
  return (await store.read(sql, params)).map((row) => ({
    place: places.map((column) => (column === 'day' ? Number(row[column]) : String(row[column]))),
    mode: row['mode'] === 'test' ? 'test' : 'live',
    calls: Number(row['calls']),
    succeeded: Number(row['succeeded']),
    failed: Number(row['failed']),
    credits: BigInt(String(row['credits'])),
  }))
}

/** The columns a row is known by, in the order of the report. */
export function placesOf(by: readonly Grouping[]): readonly string[] {
  return [...groupings.filter((grouping) => by.includes(grouping)).map((grouping) => columns[grouping]), 'mode']
}

/** Conditions are written only for what is asked, so that an index can serve them. */
export function finding({ by, accountId, firstDay, lastDay, after, limit }: UsageFilter) {
  const places = placesOf(by)
  const params: Value[] = [limit]
  const put = (value: Value) => `$${params.push(value)}`
  const conditions: string[] = []
  if (accountId !== undefined) conditions.push(`account_id = ${put(accountId)}`)
  if (firstDay !== undefined) conditions.push(`day >= ${put(firstDay)}`)
  if (lastDay !== undefined) conditions.push(`day <= ${put(lastDay)}`)
  if (after !== undefined) conditions.push(`(${places.join(', ')}) < (${after.map(put).join(', ')})`)
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  const sql = `SELECT ${places.join(', ')}, CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(succeeded) AS BIGINT) AS succeeded,
      CAST(sum(failed) AS BIGINT) AS failed, CAST(sum(credits) AS TEXT) AS credits
    FROM usage ${where} GROUP BY ${places.join(', ')} ORDER BY ${places.map((column) => `${column} DESC`).join(', ')} LIMIT $1`
  return { sql, params }
}
