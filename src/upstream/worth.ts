import type { Store } from '../store/store.ts'
import { latest } from './token-balances.ts'

/** What some tokens have together, in millionths. */
export type Worth = {
  readonly credits: bigint
  /** The sum of the highest reading of each since a moment. */
  readonly highest: bigint
}

const highest = 'SELECT max(credits) AS credits FROM token_balances WHERE token_id = $1 AND at >= $2'

/** Undefined while any of the tokens has never told its balance, since a sum without it would say too little. */
export async function worth(store: Store, tokenIds: readonly string[], sinceMs: number): Promise<Worth | undefined> {
  const readings = await latest(store, tokenIds)
  if (tokenIds.length === 0 || readings.size < tokenIds.length) return undefined
  const peaks = await store.snapshot(tokenIds.map((id) => ({ sql: highest, params: [id, sinceMs] })))
  const credits = [...readings.values()].map((reading) => BigInt(reading.credits))
  const most = credits.map((each, index) => larger(each, BigInt(Number(peaks[index]?.[0]?.['credits'] ?? 0))))
  return { credits: sum(credits), highest: sum(most) }
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function sum(parts: readonly bigint[]): bigint {
  return parts.reduce((all, each) => all + each, 0n)
}
