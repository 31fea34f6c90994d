import { type TSchema, Type } from 'typebox'
import type { Allowance } from './allowance.ts'
import { type Credits, jsonCredits, parseCredits } from './credits.ts'
import { Problem } from './errors.ts'
import { parseTime } from './times.ts'

type About = { readonly description: string; readonly examples?: readonly unknown[] }

const said = new Map<string, string>()

/** A pattern, and what is said of a text that does not match it. */
export function pattern(source: string, sentence: string): string {
  said.set(source, sentence)
  return source
}

const plain = pattern('^(?=.*\\S)[^\\p{Cc}\\p{Cs}]*$', 'must not be blank or hold control characters')
const when = pattern(
  '^\\d{4}-\\d\\d-\\d\\d(?:[Tt]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:[Zz]|[+-]\\d\\d:\\d\\d))?$',
  'must be an RFC 3339 time such as 2026-11-22T14:03:11.482Z, or a date',
)
const dayShape = pattern('^[1-9]\\d{3}-\\d\\d-\\d\\d$', 'must be a day such as 2026-11-21')
const month = pattern('^[1-9]\\d{3}-(?:0[1-9]|1[0-2])$', 'must be a month such as 2026-11')

/** One line of text as people write it. */
export function text(about: About, maxLength = 200) {
  return Type.String({ minLength: 1, maxLength, pattern: plain, ...about })
}

/** A word to compare with; what cannot match finds nothing. */
export function filter(description: string) {
  return Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: plain, description }))
}

/** A time as it is sent to us. */
export function time(about: About) {
  return Type.String({ maxLength: 40, pattern: when, examples: ['2026-11-22T14:03:11.482Z'], ...about })
}

/** A time as we tell it. */
export function timeTold(description: string) {
  return Type.String({ description: `${description} RFC 3339, UTC.`, examples: ['2026-11-22T14:03:11.482Z'] })
}

/** A UTC day as it is sent to us. */
export function dayGiven(description: string) {
  return Type.String({ pattern: dayShape, description, examples: ['2026-11-21'] })
}

export function monthText(description: string) {
  return Type.String({ pattern: month, description, examples: ['2026-11'] })
}

export function amount(about: About) {
  return Type.Number({ ...about, description: `${about.description} A JSON number with at most six decimals.` })
}

/** The usual example is that of the schema. */
export function orNull<Schema extends TSchema>(schema: Schema, description?: string, example?: null) {
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(example === null ? { examples: [null] } : {}),
  }
  return Type.Union([schema, Type.Null()], about)
}

export function oneOf<const Words extends readonly string[]>(words: Words, description: string) {
  return Type.Unsafe<Words[number]>(Type.String({ enum: [...words], description, examples: [words[0]] }))
}

export function idText(example: string, description: string) {
  return Type.String({ description, examples: [example] })
}

export function fault(...errors: readonly string[]): Problem {
  return new Problem('bad_request', { errors })
}

/** Throws Problem bad_request, naming the field. */
export function creditsIn(field: string, value: number): Credits {
  const credits = parseCredits(value)
  if (credits === undefined) {
    throw fault(`${field}: must be a number of credits with at most six decimals, at most 9000000000`)
  }
  return credits
}

/** Throws Problem bad_request, naming the field, for days that never were. */
export function timeIn(field: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const ms = parseTime(value)
  if (ms === undefined) throw fault(`${field}: there is no such time`)
  return ms
}

export const rangeQuery = {
  from: Type.Optional(time({ description: 'From this time on, inclusive.' })),
  to: Type.Optional(time({ description: 'Up to this time, exclusive.' })),
}

export function rangeOf({ from, to }: { readonly from?: string; readonly to?: string }) {
  return { fromMs: timeIn('from', from), toMs: timeIn('to', to) }
}

const closed = { additionalProperties: false }
const rate = Type.Object(
  {
    calls: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Calls in any one window.', examples: [60] }),
    window_seconds: Type.Integer({ minimum: 1, maximum: 86_400, description: 'Length of a window.', examples: [60] }),
  },
  { title: 'Rate', ...closed },
)
const mostAtOnce = Type.Integer({ minimum: 1, maximum: 100_000, examples: [4] })
const quota = Type.Object(
  {
    credits: Type.Number({ minimum: 0, description: 'Credits that may be spent in a period.', examples: [100] }),
    period: oneOf(['day', 'month', 'total'], 'UTC calendar day or month, or all time.'),
  },
  { title: 'Quota', ...closed },
)

/** What a key, or an account for all its keys, may do at most; in a change, null takes a bound away. */
export const allowanceBody = {
  rate: Type.Optional(orNull(rate, 'Calls per window; null is the rate of the house.')),
  max_concurrency: Type.Optional(orNull(mostAtOnce, 'Most calls in flight; null is no bound.')),
  quota: Type.Optional(orNull(quota, 'Credits per period; null is no bound.')),
}

type AllowanceGiven = {
  readonly rate?: { readonly calls: number; readonly window_seconds: number } | null
  readonly max_concurrency?: number | null
  readonly quota?: { readonly credits: number; readonly period: 'day' | 'month' | 'total' } | null
}

/** Only what was given. Throws Problem bad_request. */
export function allowanceIn({ rate, max_concurrency: maxConcurrency, quota }: AllowanceGiven): Partial<Allowance> {
  return {
    ...(rate === undefined ? {} : { rate: rate && { calls: rate.calls, windowSeconds: rate.window_seconds } }),
    ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    ...(quota === undefined
      ? {}
      : { quota: quota && { credits: creditsIn('quota.credits', quota.credits), period: quota.period } }),
  }
}

export const allowanceTold = {
  rate: orNull(rate, 'Calls per window; null is the rate of the house.'),
  max_concurrency: orNull(mostAtOnce, 'Most calls in flight; null is no bound.'),
  quota: orNull(quota, 'Credits per period; null is no bound.'),
  quota_used: orNull(Type.Number({ examples: [12.5] }), 'Credits spent in the present period; null without a quota.'),
}

export function allowanceView({ rate, maxConcurrency, quota }: Allowance) {
  return {
    rate: rate && { calls: rate.calls, window_seconds: rate.windowSeconds },
    max_concurrency: maxConcurrency,
    quota: quota && { credits: jsonCredits(quota.credits), period: quota.period },
  }
}

type Invalid = {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
  readonly params: Record<string, unknown>
}

/** What is told of a request that does not fit its schema: one line for each field. */
export function schemaFaults(errors: readonly Invalid[], part: string): Problem {
  const lines = errors.flatMap((error) => (hollow(error) ? [] : [line(error, part)]))
  return fault(...new Set(lines))
}

// The branch "or null" of a field that was not null says nothing of its own.
function hollow({ keyword, params }: Invalid): boolean {
  return keyword === 'anyOf' || (keyword === 'type' && params['type'] === 'null')
}

function line({ instancePath, keyword, message = 'is not valid', params }: Invalid, part: string): string {
  const path = instancePath.slice(1).replaceAll('/', '.')
  const property = params['additionalProperty'] ?? params['missingProperty']
  const field = [path, property].filter(Boolean).join('.') || (part === 'querystring' ? 'query' : part)
  if (keyword === 'additionalProperties') return `${field}: is not known here`
  if (keyword === 'required') return `${field}: is required`
  if (keyword === 'enum') return `${field}: must be one of ${[params['allowedValues']].flat().join(', ')}`
  if (keyword === 'pattern') return `${field}: ${said.get(String(params['pattern'])) ?? message}`
  return `${field}: ${message}`
}
