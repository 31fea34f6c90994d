import type { Credits } from './credits.ts'

/** What a key, or an account for all its keys together, may do at most; null is no bound of its own. */
export type Allowance = {
  readonly rate: { readonly calls: number; readonly windowSeconds: number } | null
  /** Calls in flight. */
  readonly maxConcurrency: number | null
  /** Credits per UTC calendar period. */
  readonly quota: { readonly credits: Credits; readonly period: QuotaPeriod } | null
}

export type QuotaPeriod = 'day' | 'month' | 'total'

type Column = string | number | null

/** The five columns of an allowance, in the order the tables have them. */
export function allowanceColumns({ rate, maxConcurrency, quota }: Allowance): Column[] {
  return [
    rate?.calls ?? null,
    rate?.windowSeconds ?? null,
    maxConcurrency,
    quota?.credits ?? null,
    quota?.period ?? null,
  ]
}

/** Reads the five columns of an allowance from a row. */
export function allowanceOf(row: Readonly<Record<string, unknown>>): Allowance {
  const { rate_calls: calls, max_concurrency: most, quota_credits: credits } = row
  return {
    rate: typeof calls === 'number' ? { calls, windowSeconds: Number(row['rate_window_seconds']) } : null,
    maxConcurrency: typeof most === 'number' ? most : null,
    quota:
      typeof credits === 'number' ? { credits: credits as Credits, period: row['quota_period'] as QuotaPeriod } : null,
  }
}
