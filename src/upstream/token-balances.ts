import { type Credits, mostCredits } from '../credits.ts'
import { clocks } from '../store/clock.ts'
import type { Row, Statement, Store } from '../store/store.ts'
import { dayMs } from '../times.ts'

/** What the upstream said was left behind a token, some time between being asked and `atMs`. */
export type Reading = { readonly atMs: number; readonly askedAtMs: number; readonly credits: Credits }

/** The upstream's number, which is a double, to the nearest millionth; undefined for what is no amount. */
export function creditsTold(amount: number): Credits | undefined {
  const count = Math.round(amount * 1_000_000)
  return Number.isFinite(count) && Math.abs(count) <= mostCredits ? (count as Credits) : undefined
}

/** The statement that keeps a reading; one of the same millisecond is kept once. */
export function keeping(tokenId: string, { atMs, askedAtMs, credits }: Reading): Statement {
  const sql = `INSERT INTO token_balances (token_id, at, asked_at, credits) VALUES ($1, $2, $3, $4)
    ON CONFLICT (token_id, at) DO NOTHING`
  return { sql, params: [tokenId, atMs, askedAtMs, credits] }
}

/**
 * Whether this replica is the one to ask now: nobody else is for so many milliseconds. Throws StoreUnavailable.
 * A claim that is newer than the clock by less than that is of somebody who came at the same moment and was written
 * first; one that is newer by more is of a clock that was ahead, and counts for nothing.
 */
export async function claim(store: Store, tokenId: string, forMs: number): Promise<boolean> {
  const now = clocks[store.dialect]
  const sql = `INSERT INTO token_probes (token_id, at) VALUES ($1, ${now})
    ON CONFLICT (token_id) DO UPDATE SET at = excluded.at
    WHERE token_probes.at <= excluded.at - CAST($2 AS BIGINT) OR token_probes.at > excluded.at + CAST($2 AS BIGINT)`
  const done = await store.write([{ sql, params: [tokenId, forMs], must: 'asked' }])
  return done.refused === undefined
}

const last = 'SELECT * FROM token_balances WHERE token_id = $1 ORDER BY at DESC LIMIT 1'

/** The last reading of each of these tokens that has one, by id. Throws StoreUnavailable. */
export async function latest(store: Store, tokenIds: readonly string[]): Promise<ReadonlyMap<string, Reading>> {
  if (tokenIds.length === 0) return new Map()
  const found = await store.snapshot(tokenIds.map((id) => ({ sql: last, params: [id] })))
  return new Map(tokenIds.flatMap((id, index) => (found[index] ?? []).map((row) => [id, readingOf(row)] as const)))
}

const before = 'SELECT * FROM token_balances WHERE token_id = $1 AND at <= $2 ORDER BY at DESC LIMIT 1'
const after = 'SELECT * FROM token_balances WHERE token_id = $1 AND at > $2 ORDER BY at LIMIT 1'
const between = 'SELECT * FROM token_balances WHERE token_id = $1 AND at >= $2 AND at <= $3 ORDER BY at'

/**
 * The readings from the one nearest to the first moment up to the one nearest to the second, in order; those of days
 * that follow each other end where the next ones begin. None where there is not one of each. Throws StoreUnavailable.
 */
export async function readings(
  store: Store,
  tokenId: string,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
): Promise<readonly Reading[]> {
  const asked = [startMs, endMs].flatMap((ms) => [before, after].map((sql) => ({ sql, params: [tokenId, ms] })))
  const found = (await store.snapshot(asked)).map(([row]) => row && readingOf(row))
  const first = nearest(startMs, found[0], found[1])
  const final = nearest(endMs, found[2], found[3])
  if (!first || !final || first.atMs >= final.atMs) return []
  return (await store.read(between, [tokenId, first.atMs, final.atMs])).map(readingOf)
}

function nearest(ms: number, earlier: Reading | undefined, later: Reading | undefined): Reading | undefined {
  if (!earlier || !later) return earlier ?? later
  return ms - earlier.atMs <= later.atMs - ms ? earlier : later
}

export type Ages = {
  /** Of readings older than this only the first and the last of each UTC day stay. */
  readonly thinBeforeMs: number
  /** Of readings older than this none stays. */
  readonly forgetBeforeMs: number
}

const firstOfDay = `one.at - one.at % ${dayMs}`
const inside = `SELECT token_id, at FROM token_balances AS one WHERE one.at < $2 AND (one.at < $1
  OR (EXISTS (SELECT 1 FROM token_balances AS early WHERE early.token_id = one.token_id AND early.at < one.at
      AND early.at >= ${firstOfDay})
    AND EXISTS (SELECT 1 FROM token_balances AS late WHERE late.token_id = one.token_id AND late.at > one.at
      AND late.at < ${firstOfDay} + ${dayMs}))) LIMIT $3`

/** Removes at most so many readings that are no longer wanted, and answers how many. Throws StoreUnavailable. */
export async function forgetReadings(
  store: Store,
  { thinBeforeMs, forgetBeforeMs }: Ages,
  most: number,
): Promise<number> {
  const sql = `DELETE FROM token_balances WHERE (token_id, at) IN (${inside}) RETURNING at`
  const done = await store.write([{ sql, params: [forgetBeforeMs, Math.max(thinBeforeMs, forgetBeforeMs), most] }])
  return done.rows[0]?.length ?? 0
}

function readingOf(row: Row): Reading {
  const [atMs, askedAtMs] = [Number(row['at']), Number(row['asked_at'])]
  return { atMs, askedAtMs, credits: Number(row['credits']) as Credits }
}

const nextId = 'SELECT min(token_id) FROM token_balances'

/** Every token of which there are readings, those that are no longer set included. Throws StoreUnavailable. */
export async function tokensRead(store: Store): Promise<readonly string[]> {
  // Step by step along the key, since there are few tokens and many readings.
  const rows = await store.read(`WITH RECURSIVE ids (id) AS (${nextId}
    UNION ALL SELECT (${nextId} WHERE token_id > ids.id) FROM ids WHERE ids.id IS NOT NULL)
    SELECT id FROM ids WHERE id IS NOT NULL`)
  return rows.map((row) => String(row['id']))
}
