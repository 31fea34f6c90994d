import type { Credits } from '../credits.ts'
import { rowOf, type Statement, type Store, type Value } from '../store/store.ts'
import { type Entry, entryOf } from './ledger.ts'

export type EntryFilter = {
  readonly accountId: string
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  /** Entries older than this id only. */
  readonly before?: string | undefined
  readonly limit: number
}

// An entry's time is taken before its number, so two that come together may have them crossed.
const slipMs = 60_000

const firstSince = `SELECT number FROM entries WHERE account_id = $1 AND created_at >= $2
  ORDER BY created_at, number LIMIT 1`

/** Entries of an account, newest first. Undefined when `before` is no entry of it. */
export async function entries(store: Store, filter: EntryFilter): Promise<readonly Entry[] | undefined> {
  const { accountId, fromMs, toMs, before, limit } = filter
  const [low, high, last] = await store.snapshot([
    numberSince(accountId, (fromMs ?? 0) - slipMs),
    numberSince(accountId, toMs === undefined ? Number.MAX_SAFE_INTEGER : toMs + slipMs),
    { sql: 'SELECT number FROM entries WHERE account_id = $1 AND id = $2', params: [accountId, before ?? null] },
  ])
  const bound = last?.[0]?.['number'] ?? high?.[0]?.['number']
  if (before !== undefined && last?.length === 0) return undefined
  const { sql, params } = finding({ accountId, fromMs, toMs, limit }, low?.[0]?.['number'], bound)
  return (await store.read(sql, params)).map(entryOf)
}

function numberSince(accountId: string, ms: number): Statement {
  return { sql: firstSince, params: [accountId, ms] }
}

type Bound = Value | undefined

/**
 * Conditions are written only for what is asked, so that an index can serve them: the one by number, which leads to the
 * page alone. For expressions there is none; by time PostgreSQL may read and sort all entries of a span. Of these ones it
 * believes that half of the rows fit.
 */
export function finding({ accountId, fromMs, toMs, limit }: EntryFilter, low: Bound, high: Bound) {
  const params: Value[] = [limit]
  const asked: readonly (readonly [value: Bound, condition: (place: string) => string])[] = [
    [accountId, (place) => `account_id = ${place}`],
    [low, (place) => `number >= ${place}`],
    [high, (place) => `number < ${place}`],
    [fromMs, (place) => `CASE WHEN created_at >= ${place} THEN TRUE END`],
    [toMs, (place) => `CASE WHEN created_at < ${place} THEN TRUE END`],
  ]
  const conditions = asked.flatMap(([value, condition]) =>
    value === undefined ? [] : [condition(`$${params.push(value)}`)],
  )
  return { sql: `SELECT * FROM entries WHERE ${conditions.join(' AND ')} ORDER BY number DESC LIMIT $1`, params }
}

export type AccountStatement = {
  /** Posted credits before the first entry, and after the last. */
  readonly opening: Credits
  readonly closing: Credits
  /** Oldest first, in batches. */
  readonly entries: AsyncIterable<readonly Entry[]>
}

const batch = 500
const last = 'SELECT number, posted_after FROM entries WHERE account_id = $1 ORDER BY number DESC LIMIT 1'
const at = 'SELECT posted_after FROM entries WHERE account_id = $1 AND number = $2'
const between = 'SELECT * FROM entries WHERE account_id = $1 AND number >= $2 AND number < $3 ORDER BY number LIMIT $4'

/**
 * The entries of a span of time, and the balances around them. A span ends at the number where the next begins, so
 * every entry is in exactly one of them, and opening plus entries is closing to the millionth.
 */
export async function statement(
  store: Store,
  accountId: string,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): Promise<AccountStatement> {
  const [start, end, newest] = await store.snapshot([
    numberSince(accountId, startMs),
    numberSince(accountId, endMs),
    { sql: last, params: [accountId] },
  ])
  const next = Number(newest?.[0]?.['number'] ?? 0) + 1
  const first = Number(start?.[0]?.['number'] ?? next)
  const beyond = Math.max(first, Number(end?.[0]?.['number'] ?? next))
  return {
    opening: await postedAfter(store, accountId, first - 1),
    closing: await postedAfter(store, accountId, beyond - 1),
    entries: numbered(store, accountId, first, beyond),
  }
}

async function postedAfter(store: Store, accountId: string, number: number): Promise<Credits> {
  if (number === 0) return 0 as Credits
  return Number(rowOf([await store.read(at, [accountId, number])], 0)['posted_after']) as Credits
}

async function* numbered(store: Store, accountId: string, first: number, beyond: number) {
  for (let number = first; number < beyond; number += batch) {
    const rows = await store.read(between, [accountId, number, Math.min(beyond, number + batch), batch])
    yield rows.map(entryOf)
  }
}
