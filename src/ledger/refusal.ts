import type { QuotaPeriod } from '../allowance.ts'
import { type Counters, nextPeriod, spentIn } from '../counters.ts'
import { type Credits, formatCredits, jsonCredits } from '../credits.ts'
import { Problem } from '../errors.ts'
import type { Row, Store } from '../store/store.ts'
import type { Request } from './ledger.ts'

const circumstances = `SELECT accounts.status, accounts.posted - accounts.held AS available,
    accounts.quota_credits AS account_quota, accounts.quota_period AS account_period, accounts.day AS account_day,
    accounts.day_used AS account_day_used, accounts.month_used AS account_month_used, accounts.total_used AS account_total_used,
    keys.revoked_at, keys.expires_at, keys.quota_credits AS key_quota, keys.quota_period AS key_period,
    spends.day AS key_day, spends.day_used AS key_day_used, spends.month_used AS key_month_used, spends.total_used AS key_total_used
  FROM keys JOIN accounts ON accounts.id = keys.account_id JOIN spends ON spends.id = keys.spend_id
  WHERE keys.id = $1`

/** Why a hold was refused, in the words of the caller; undefined when the reason is gone by now. */
export async function why(store: Store, request: Request, nowMs: number): Promise<Problem | undefined> {
  const [row] = await store.read(circumstances, [request.keyId])
  if (!row || row['revoked_at'] !== null || expired(row, nowMs)) {
    return new Problem('unauthorized', { sentence: 'This key is not valid.' })
  }
  if (row['status'] !== 'active') return new Problem('account_suspended')
  return (
    overQuota(row, 'key', request.amount, nowMs) ??
    overQuota(row, 'account', request.amount, nowMs) ??
    tooFew(Number(row['available']) as Credits, request.amount)
  )
}

function expired(row: Row, nowMs: number): boolean {
  return row['expires_at'] !== null && Number(row['expires_at']) <= nowMs
}

/** The 402 of a call that costs `amount`, or undefined when that much is available. */
function tooFew(available: Credits, amount: Credits): Problem | undefined {
  if (available >= amount) return undefined
  const sentence = `This call needs ${formatCredits(amount)} credits; ${formatCredits(available)} are available.`
  return new Problem('insufficient_credits', {
    sentence,
    details: { required: jsonCredits(amount), available: jsonCredits(available) },
  })
}

function overQuota(row: Row, whose: 'key' | 'account', amount: Credits, nowMs: number): Problem | undefined {
  if (row[`${whose}_quota`] === null || amount === 0) return undefined
  const quota = Number(row[`${whose}_quota`]) as Credits
  const period = row[`${whose}_period`] as QuotaPeriod
  const used = spentIn(countersIn(row, whose), period, nowMs)
  if (used + amount <= quota) return undefined
  const details = { limit: jsonCredits(quota), used: jsonCredits(used), required: jsonCredits(amount), period }
  const sentence = `The ${whose}'s quota of ${formatCredits(quota)} credits ${period === 'total' ? 'in total' : `a ${period}`} has no room for ${formatCredits(amount)} more.`
  // A total never comes back by waiting, so no Retry-After may promise it.
  if (period === 'total') return new Problem('quota_exceeded', { status: 403, sentence, details })
  const resetsMs = nextPeriod(period === 'day' ? 'day' : 'month', nowMs)
  return new Problem('quota_exceeded', {
    sentence,
    details: { ...details, resets_at: new Date(resetsMs).toISOString() },
    retryAfterSeconds: (resetsMs - nowMs) / 1000,
  })
}

function countersIn(row: Row, whose: 'key' | 'account'): Counters {
  const count = (name: string) => Number(row[`${whose}_${name}`])
  const credits = (name: string) => count(name) as Credits
  return {
    day: count('day'),
    dayUsed: credits('day_used'),
    monthUsed: credits('month_used'),
    totalUsed: credits('total_used'),
  }
}
