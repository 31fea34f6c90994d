import { newestFirst, spanOf, within } from '../store/newest.ts'
import type { Row, Store, Value } from '../store/store.ts'
import { type Entry, entryOf } from './ledger.ts'

export const callStates = ['held', 'settled', 'released'] as const

export type CallFilter = {
  readonly accountId?: string | undefined
  readonly keyId?: string | undefined
  readonly offer?: string | undefined
  readonly state?: (typeof callStates)[number] | undefined
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  /** Calls older than this id only. */
  readonly before?: string | undefined
  readonly limit: number
}

/** Calls, newest first, as rows of the table. */
export function calls(store: Store, filter: CallFilter): Promise<readonly Row[]> {
  const { sql, params } = finding(filter)
  return store.read(sql, params)
}

// A call's id is made when its head arrives, its row when its turn comes. It is later than its row only where a clock was
// put back meanwhile; every moment allowed for that is one whose calls are read in vain.
const earlierMs = 3_600_000
const laterMs = 60_000

/** Conditions are written only for what is asked, so that an index can serve them; ids stand in for times. */
export function finding({ limit, fromMs, toMs, before, ...filter }: CallFilter): { sql: string; params: Value[] } {
  const { state } = filter
  const params: Value[] = [limit]
  const place = (value: Value) => `$${params.push(value)}`
  const span = spanOf('call', { fromMs, toMs, before }, earlierMs, laterMs)
  // A key has fewer calls than its account, and an account fewer than an offer.
  const owners: readonly (readonly [column: string, value: string | undefined])[] = [
    ['key_id', filter.keyId],
    ['account_id', filter.accountId],
    ['offer', filter.offer],
  ]
  const asked = owners.flatMap(([column, value]) => (value === undefined ? [] : [[column, place(value)] as const]))
  // Open holds are few and have an index of their own.
  const lead = state === 'held' ? undefined : asked.shift()
  // For an expression there is no index, which leaves the planner the one meant here; of this one it believes that half of
  // the rows fit.
  const conditions = asked.map(([column, value]) => `CASE WHEN ${column} = ${value} THEN TRUE END`)
  const order = lead ? [lead[0], 'id'] : [state === 'held' ? `id || ''` : 'id']
  conditions.push(...within(order, lead?.[1], span, place))
  if (fromMs !== undefined) conditions.push(`created_at >= ${place(fromMs)}`)
  if (toMs !== undefined) conditions.push(`created_at < ${place(toMs)}`)
  if (state !== undefined) conditions.push(states[state])
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return { sql: `SELECT * FROM calls ${where} ${newestFirst(order)} LIMIT $1`, params }
}

// Written out, since an index on some states serves only a condition that names them.
const states = { held: `state = 'held'`, settled: `state = 'settled'`, released: `state = 'released'` } as const

/** One call; with `accountId`, another account's is as unknown as one that never was. */
export async function call(store: Store, id: string, accountId?: string): Promise<Row | undefined> {
  const [row] = await store.read('SELECT * FROM calls WHERE id = $1', [id])
  return accountId === undefined || row?.['account_id'] === accountId ? row : undefined
}

/** The charge of a call and its refund, in that order, as far as they happened. */
export async function entriesOf(store: Store, callId: string): Promise<readonly Entry[]> {
  return (await store.read('SELECT * FROM entries WHERE call_id = $1 ORDER BY kind', [callId])).map(entryOf)
}
