import type { paths } from '../../../api-types.ts'
import { amountIn } from './amount-field.tsx'

export type KeyWish = paths['/admin/v1/accounts/{id}/keys']['post']['requestBody']['content']['application/json']
export type Limits = Pick<KeyWish, 'rate' | 'max_concurrency' | 'quota'>
type Period = NonNullable<KeyWish['quota']>['period']

/** Bounds as they are typed; an empty text is no bound. */
export type LimitsDraft = {
  readonly calls: string
  readonly seconds: string
  readonly most: string
  readonly credits: string
  readonly period: Period
}

export const periods: readonly Period[] = ['day', 'month', 'total']

export function limitsDraft({ rate, max_concurrency: most, quota }: Limits = {}): LimitsDraft {
  return {
    calls: textOf(rate?.calls),
    seconds: textOf(rate?.window_seconds ?? 60),
    most: textOf(most),
    credits: textOf(quota?.credits),
    period: quota?.period ?? 'month',
  }
}

/** Whether every text is a number, or empty. */
export function isReady({ calls, seconds, most, credits }: LimitsDraft): boolean {
  const isWhole = (text: string) => text.trim() === '' || amountIn(text, true) !== undefined
  const rateIsWhole = isWhole(calls) && (calls.trim() === '' || amountIn(seconds, true) !== undefined)
  return rateIsWhole && isWhole(most) && (credits.trim() === '' || amountIn(credits) !== undefined)
}

/** Null takes a bound away. */
export function limitsIn({ calls, seconds, most, credits, period }: LimitsDraft): Required<Limits> {
  const [rate, width, slots, amount] = [
    amountIn(calls, true),
    amountIn(seconds, true),
    amountIn(most, true),
    amountIn(credits),
  ]
  return {
    rate: rate === undefined ? null : { calls: rate, window_seconds: width ?? 60 },
    max_concurrency: slots ?? null,
    quota: amount === undefined ? null : { credits: amount, period },
  }
}

function textOf(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}
