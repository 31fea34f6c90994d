import type { Statement, Store } from '../store/store.ts'
import { lastOverDay } from './usage-texts.ts'

const progress = `SELECT coalesce((SELECT day FROM usage_summed), 0) AS day`
const next = 'SELECT min(day) AS day FROM usage WHERE day > $1 AND day <= $2'
const late = 'SELECT min(day) AS day FROM usage_late WHERE day <= $1'
const begin = 'INSERT INTO usage_summed (one, day) VALUES (1, 0) ON CONFLICT (one) DO NOTHING'

/**
 * Adds up one day that is over, or that changed after it was added up, and answers whether there was one. Reports say
 * the same before and after; they only read less.
 */
export async function sumDay(store: Store, nowMs: number): Promise<boolean> {
  const over = lastOverDay(nowMs)
  const summed = await dayIn(store, progress, [])
  if (summed > over) return goBack(store, over)
  const day = (await dayIn(store, next, [summed, over])) || (await dayIn(store, late, [summed]))
  if (day === 0) return false
  const done = await store.write([{ sql: begin, params: [] }, locked(day), ...summing(day)])
  return done.refused === undefined
}

async function dayIn(store: Store, sql: string, params: readonly number[]): Promise<number> {
  const [row] = await store.read(sql, params)
  return Number(row?.['day'] ?? 0)
}

// A clock that was ahead may have taken days for over that were not, so they will be added up again.
async function goBack(store: Store, over: number): Promise<boolean> {
  await store.write([{ sql: 'UPDATE usage_summed SET day = $1 WHERE day > $1', params: [over] }])
  return true
}

// Whoever holds the row sees all that was written before it, and deletes no mark of what it did not see.
function locked(day: number): Statement {
  return { sql: 'UPDATE usage_summed SET day = CASE WHEN day < $1 THEN $1 ELSE day END', params: [day] }
}

function summing(day: number): Statement[] {
  const sums = ['calls', 'succeeded', 'failed', 'credits'].map((column) => `CAST(sum(${column}) AS BIGINT)`).join(', ')
  const insert = `INSERT INTO usage_days (day, offer, mode, calls, succeeded, failed, credits)
    SELECT day, offer, mode, ${sums} FROM usage WHERE day = $1 GROUP BY day, offer, mode`
  const texts = ['DELETE FROM usage_late WHERE day = $1', 'DELETE FROM usage_days WHERE day = $1', insert]
  return texts.map((sql) => ({ sql, params: [day] }))
}
