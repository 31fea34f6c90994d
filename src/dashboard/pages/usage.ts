import type { RowOf } from './api.ts'

type Row = RowOf<'/admin/v1/usage'>

export type Day = {
  readonly day: string
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  readonly credits: number
}

const dayMs = 86_400_000

/** The first of the last so many UTC days, today included, as the API takes it. */
export function daysBack(count: number, nowMs = Date.now()): string {
  return dayText(nowMs - (count - 1) * dayMs)
}

/** One row for each day, also for those on which nobody called. */
export function byDay(rows: readonly Row[], mode: Row['mode'], count: number, nowMs = Date.now()): Day[] {
  const known = new Map(rows.filter((row) => row.mode === mode).map((row) => [row.day, row]))
  return Array.from({ length: count }, (_, index) => {
    const day = dayText(nowMs - (count - 1 - index) * dayMs)
    const { calls = 0, succeeded = 0, failed = 0, credits = 0 } = known.get(day) ?? {}
    return { day, calls, succeeded, failed, credits }
  })
}

export function totalOf(days: readonly Day[]): Omit<Day, 'day'> {
  const sum = (field: Exclude<keyof Day, 'day'>) => days.reduce((total, day) => total + day[field], 0)
  return { calls: sum('calls'), succeeded: sum('succeeded'), failed: sum('failed'), credits: rounded(sum('credits')) }
}

// Sums of decimals grow tails that no ledger has; six decimals are all a credit has.
function rounded(credits: number): number {
  return Math.round(credits * 1e6) / 1e6
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
