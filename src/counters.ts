import type { QuotaPeriod } from './allowance.ts'
import type { Credits } from './credits.ts'
import { dayOf } from './times.ts'

/** What was spent by UTC day, by month and in total; `day` is the one on which it was last counted. */
export type Counters = {
  readonly day: number
  readonly dayUsed: Credits
  readonly monthUsed: Credits
  readonly totalUsed: Credits
}

/** Reads the columns `day`, `day_used`, `month_used` and `total_used`. */
export function countersOf(row: Readonly<Record<string, unknown>>): Counters {
  return {
    day: Number(row['day']),
    dayUsed: Number(row['day_used']) as Credits,
    monthUsed: Number(row['month_used']) as Credits,
    totalUsed: Number(row['total_used']) as Credits,
  }
}

/** What is spent of a period that is open now. */
export function spentIn({ day, dayUsed, monthUsed, totalUsed }: Counters, period: QuotaPeriod, nowMs: number): Credits {
  const today = dayOf(nowMs)
  if (period === 'total') return totalUsed
  if (period === 'day') return day >= today ? dayUsed : (0 as Credits)
  return Math.floor(day / 100) >= Math.floor(today / 100) ? monthUsed : (0 as Credits)
}

/** When the UTC day or month of a moment is over. */
export function nextPeriod(period: 'day' | 'month', nowMs: number): number {
  const now = new Date(nowMs)
  return period === 'day'
    ? Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)
    : Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
}
