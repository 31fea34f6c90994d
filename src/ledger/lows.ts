import { allowanceOf, type QuotaPeriod } from '../allowance.ts'
import { countersOf, spentIn } from '../counters.ts'
import type { Credits } from '../credits.ts'
import type { Row, Store } from '../store/store.ts'

export type Fund = { readonly accountId: string; readonly active: boolean; readonly available: Credits }

export type UsedQuota = {
  readonly keyId: string
  readonly accountId: string
  readonly quota: { readonly credits: Credits; readonly period: QuotaPeriod } | null
  /** Credits spent in the present period. */
  readonly used: Credits
}

/** One text for any number of ids, so that the database keeps one plan. */
const idsAtOnce = 50
const places = Array.from({ length: idsAtOnce }, (_, index) => `$${index + 1}`).join(', ')

/** What accounts can spend; those that never were are left out. Throws StoreUnavailable. */
export async function funds(store: Store, accountIds: readonly string[]): Promise<readonly Fund[]> {
  const rows = await rowsOf(store, `SELECT id, status, posted, held FROM accounts WHERE id IN (${places})`, accountIds)
  return rows.map((row) => ({
    accountId: String(row['id']),
    active: row['status'] === 'active',
    available: (Number(row['posted']) - Number(row['held'])) as Credits,
  }))
}

/** What keys that still work have used of their quotas. Throws StoreUnavailable. */
export async function usedQuotas(
  store: Store,
  keyIds: readonly string[],
  nowMs: number,
): Promise<readonly UsedQuota[]> {
  const sql = `SELECT keys.id, keys.account_id, keys.quota_credits, keys.quota_period, spends.day, spends.day_used,
      spends.month_used, spends.total_used FROM keys JOIN spends ON spends.id = keys.spend_id
    WHERE keys.id IN (${places}) AND keys.revoked_at IS NULL`
  return (await rowsOf(store, sql, keyIds)).map((row) => {
    const { quota } = allowanceOf(row)
    const used = quota ? spentIn(countersOf(row), quota.period, nowMs) : (0 as Credits)
    return { keyId: String(row['id']), accountId: String(row['account_id']), quota, used }
  })
}

/** Credits that all accounts together could spend, in millionths. Throws StoreUnavailable. */
export async function availableOfAll(store: Store): Promise<bigint> {
  const sql = `SELECT CAST(coalesce(sum(posted - held), 0) AS TEXT) AS available FROM accounts WHERE status = 'active'`
  const [row] = await store.read(sql)
  return BigInt(String(row?.['available'] ?? 0))
}

/** Who called lately, by the ids of calls made since; at most so many pairs. Throws StoreUnavailable. */
export async function callersSince(
  store: Store,
  callId: string,
  most: number,
): Promise<readonly { readonly accountId: string; readonly keyId: string }[]> {
  const sql = `SELECT DISTINCT account_id, key_id FROM
    (SELECT account_id, key_id FROM calls WHERE id >= $1 AND mode = 'live' ORDER BY id DESC LIMIT $2) AS latest`
  const rows = await store.read(sql, [callId, most])
  return rows.map((row) => ({ accountId: String(row['account_id']), keyId: String(row['key_id']) }))
}

async function rowsOf(store: Store, sql: string, ids: readonly string[]): Promise<readonly Row[]> {
  const found: Row[] = []
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    const some = ids.slice(start, start + idsAtOnce)
    const [first = ''] = some
    found.push(...(await store.read(sql, [...some, ...Array<string>(idsAtOnce - some.length).fill(first)])))
  }
  return found
}
