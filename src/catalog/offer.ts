import type { Credits } from '../credits.ts'
import type { Problem } from '../errors.ts'
import type { Forwarded } from '../upstream/upstream.ts'

/** One part of a multipart body: a byte range of the held bytes, so that nothing is copied. */
export type Part = {
  readonly name: string
  readonly filename: string | undefined
  /** The part's own content-type as sent, if it sent one. */
  readonly type: string | undefined
  /** First byte of the value. */
  readonly start: number
  /** One past the last byte of the value. */
  readonly end: number
}

/** A caller's body, whole and unchanged, and where its parts lie in it. */
export type Form = { readonly bytes: Buffer; readonly parts: readonly Part[] }

/** What the caller wants back. */
export type Wanted = { readonly accept: 'application/json' | 'image/*'; readonly form: Form }

/** What became of a call, and what it means for money. */
export type Outcome = {
  readonly outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown'
  /** Settle when true, release when false. */
  readonly paid: boolean
  /** One word for the ledger and the log. */
  readonly reason: string
  /** Whether the upstream may bill the operator although the caller pays nothing. */
  readonly mayBill: boolean
  /** How loudly the log line says it: `error` where the operator has to act. */
  readonly level: 'info' | 'warn' | 'error'
  readonly finishReason: string | undefined
  /** What the operator should hear of although the call went well. */
  readonly warning: string | undefined
  /** What the caller gets; undefined when it is the answer itself. */
  readonly refusal: Problem | undefined
}

export type JudgeSettings = {
  readonly chargeFiltered: boolean
  /** Removes from a text of the upstream's what no caller may see. */
  readonly cleanse: (text: string) => string
}

/** A form field as it is described to callers, in the words of JSON Schema. */
export type FieldSchema = {
  readonly type: 'string' | 'integer'
  readonly description: string
  readonly examples: readonly (string | number)[]
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
}

/** One thing for sale. A family gives it its peek, its judge and its error dialect; the rest is data. */
export type Offer = {
  readonly id: string
  /** What it makes, in a few words. */
  readonly summary: string
  readonly upstream: string
  readonly family: 'stability'
  readonly method: 'POST'
  /** The path behind the upstream's origin. */
  readonly path: string
  /** The paths it is sold at here. */
  readonly paths: readonly string[]
  /** What the vendor charges the operator for a success, by its public price list. */
  readonly listPrice: Credits
  /** The present price and its version; the operator's, once there is one. */
  readonly price: Credits
  readonly priceVersion: number
  /** Whether it is for sale at present. */
  readonly enabled: boolean
  /** The form fields that are known here, by name. */
  readonly fields: Readonly<Record<string, { readonly required: boolean; readonly schema: FieldSchema }>>
  /** Everything wrong with the form, as `field: reason`; empty when it may be sent. */
  check(form: Form): string[]
  /** The most a call can cost. */
  quote(form: Form): { readonly most: Credits }
  judge(forwarded: Forwarded, wanted: Wanted, settings: JudgeSettings): Outcome
}
