/** What a webhook may ask to be told of. Names are API: add, never rename. */
export const eventNames = [
  'account.balance_low',
  'key.quota_low',
  'token.state_changed',
  'upstream.balance_low',
  'books.imbalance',
  'calls.outcome_unknown',
] as const

export type EventName = (typeof eventNames)[number]

/** Sent on an operator's wish, whatever the webhook asked for. */
export const testEvent = 'webhook.test'

type Told<Type extends string, Data> = { readonly type: Type; readonly data: Data }

/** What is told: amounts are JSON numbers of credits, or decimal text where they may outgrow one. */
export type Message =
  | Told<
      'account.balance_low',
      {
        readonly account_id: string
        readonly available: number
        /** The price of the dearest offer for sale, and how many such calls are left. */
        readonly price: number
        readonly calls_left: number
      }
    >
  | Told<
      'key.quota_low',
      {
        readonly key_id: string
        readonly account_id: string
        readonly quota: { readonly credits: number; readonly period: string }
        readonly used: number
      }
    >
  | Told<
      'token.state_changed',
      {
        readonly token_id: string
        readonly upstream: string
        /** Its last 4 characters. */
        readonly hint: string
        readonly from: string
        readonly to: string
        readonly reason: string
        /** When it is tried again; null where it takes calls. */
        readonly until: string | null
      }
    >
  | Told<
      'upstream.balance_low',
      {
        readonly upstream: string
        /** What the tokens have together, the highest of the last days, and what the accounts could spend. */
        readonly credits: string
        readonly highest: string
        readonly accounts_available: string
        readonly reason: 'below_accounts' | 'below_tenth'
      }
    >
  | Told<'books.imbalance', { readonly imbalance: string }>
  | Told<'calls.outcome_unknown', { readonly count: number; readonly calls: readonly string[] }>
  | Told<typeof testEvent, { readonly webhook_id: string }>

/** The body that is signed and sent, after the Standard Webhooks specification (payload structure). */
export function bodyOf({ type, data }: Message, atMs: number): string {
  return JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data })
}

/** Whether a text is the name of an event. */
export function isEventName(text: string): text is EventName {
  return eventNames.some((each) => each === text)
}
