import { type Static, Type } from 'typebox'
import { type Credits, formatCredits, jsonCredits } from '../credits.ts'
import type { Cell } from '../csv.ts'
import { idText, oneOf, orNull, timeTold } from '../fields.ts'
import type { Row } from '../store/store.ts'
import { formatTime, formatTimeOrNull } from '../times.ts'
import { callStates } from './calls.ts'
import type { Entry } from './ledger.ts'

const outcomes = ['succeeded', 'filtered', 'failed', 'unknown', 'recovered'] as const
const whole = (description: string, example: number) => Type.Integer({ description, examples: [example] })

const fields = {
  id: idText('call_01hq3w8kzp0000m4n5p6q7r8s9', 'The call; also the x-request-id of its reply.'),
  account_id: idText('acc_01hq3w8kzp0000m4n5p6q7r8s9', 'Who paid.'),
  key_id: idText('key_01hq3w8kzp0000m4n5p6q7r8s9', 'The key it was made with.'),
  offer: Type.String({ examples: ['stable-image-core'] }),
  state: oneOf(callStates, 'What became of the hold.'),
  outcome: orNull(oneOf(outcomes, 'What became of the call.'), 'What became of the call; null while it runs.'),
  reason: orNull(Type.String({ examples: ['success'] }), 'One word for why.'),
  upstream_may_bill: Type.Boolean({ description: 'Whether the upstream may bill the operator although nobody paid.' }),
  credits: Type.Number({ description: 'What was charged.', examples: [3] }),
  price: Type.Number({ description: 'The most it could cost.', examples: [3] }),
  price_version: whole('The version of the price.', 1),
  refunded_at: orNull(timeTold('When the charge was given back.'), 'Null until then.', null),
  upstream: Type.String({ examples: ['stability'] }),
  token_id: orNull(
    Type.String({ examples: ['tok_0f3a9c2e5b8d1406a1b2'] }),
    'The master token that served it; never the value.',
  ),
  attempts: whole('Tries at the upstream.', 1),
  status: orNull(whole('What the caller got.', 200)),
  upstream_status: orNull(whole('What the upstream said.', 200)),
  upstream_ms: orNull(whole('Milliseconds at the upstream, all tries.', 4210)),
  bytes_in: whole("Bytes of the caller's body.", 412),
  bytes_out: orNull(whole("Bytes of the caller's answer.", 1_830_000)),
  mode: oneOf(['live', 'test'], 'Test calls are never charged.'),
  created_at: timeTold('When the credits were held.'),
  ended_at: orNull(timeTold('When the hold ended.')),
  client_request_id: orNull(Type.String({ examples: ['mine-1'] }), "The caller's own x-request-id."),
}

export const CallView = Type.Object(fields, { title: 'Call' })

/** A call as it is shown outside. */
export function callView(row: Row): Static<typeof CallView> {
  const text = (column: string) => String(row[column])
  const textOrNull = (column: string) => (row[column] === null ? null : text(column))
  const number = (column: string) => Number(row[column])
  const numberOrNull = (column: string) => (row[column] === null ? null : number(column))
  return {
    ...{ id: text('id'), account_id: text('account_id'), key_id: text('key_id'), offer: text('offer') },
    state: callStates.find((state) => state === row['state']) ?? 'held',
    outcome: outcomes.find((outcome) => outcome === row['outcome']) ?? null,
    reason: textOrNull('reason'),
    upstream_may_bill: number('upstream_may_bill') === 1,
    credits: jsonCredits(number('credits') as Credits),
    price: jsonCredits(number('price') as Credits),
    price_version: number('price_version'),
    refunded_at: formatTimeOrNull(numberOrNull('refunded_at')),
    ...{ upstream: text('upstream'), token_id: textOrNull('token_id'), attempts: attemptsOf(row).length },
    ...{ status: numberOrNull('status'), upstream_status: numberOrNull('upstream_status') },
    ...{ upstream_ms: numberOrNull('upstream_ms'), bytes_in: number('bytes_in'), bytes_out: numberOrNull('bytes_out') },
    mode: row['mode'] === 'test' ? 'test' : 'live',
    ...{ created_at: formatTime(number('created_at')), ended_at: formatTimeOrNull(numberOrNull('ended_at')) },
    client_request_id: textOrNull('client_request_id'),
  }
}

/** The columns of a table of calls. */
export const callColumns = Object.keys(fields)

/** A call as a line of a table. */
export function callCells(row: Row): Cell[] {
  const view: Readonly<Record<string, Cell>> = callView(row)
  return callColumns.map((column) => view[column] ?? null)
}

type Attempt = {
  readonly tokenId: string
  readonly hint: string
  readonly status: number
  readonly reason: string
  readonly ms: number
}

function attemptsOf(row: Row): readonly Attempt[] {
  return row['attempts'] === null ? [] : (JSON.parse(String(row['attempts'])) as Attempt[])
}

const events = ['accepted', 'priced', 'held', 'attempt', 'judged', 'settled', 'released', 'refunded'] as const
const optional = {
  key: Type.Optional(
    Type.Object(
      { id: Type.String(), name: Type.String(), hint: Type.String() },
      { examples: [{ id: 'key_01hq3w8kzp0000m4n5p6q7r8s9', name: 'render farm', hint: 'tg_live_4fK9' }] },
    ),
  ),
  token: Type.Optional(
    Type.Object(
      { id: Type.String(), hint: Type.String() },
      { examples: [{ id: 'tok_0f3a9c2e5b8d1406a1b2', hint: '9f3c' }] },
    ),
  ),
  price_version: Type.Optional(Type.Integer()),
  credits: Type.Optional(Type.Number()),
  status: Type.Optional(Type.Integer()),
  ms: Type.Optional(Type.Integer()),
  bytes: Type.Optional(Type.Integer()),
  reason: Type.Optional(Type.String()),
  entry_id: Type.Optional(Type.String()),
  posted_after: Type.Optional(Type.Number()),
}

export const exampleEvent = {
  ...{ at: '2026-11-22T14:03:11.482Z', event: 'held', told: '3 credits were set aside.', credits: 3 },
}

export const EventView = Type.Object(
  {
    at: orNull(timeTold('When, where that is known.')),
    event: oneOf(events, 'What happened.'),
    told: Type.String({ description: 'The same as a sentence.', examples: ['3 credits were set aside.'] }),
    ...optional,
  },
  { title: 'CallEvent', examples: [exampleEvent] },
)
type Event = Static<typeof EventView>

export const CallStoryView = Type.Object(
  { ...fields, timeline: Type.Array(EventView, { description: 'Why it was charged, or was not, step by step.' }) },
  { title: 'CallStory' },
)

export type CallCircumstances = {
  readonly key: { readonly id: string; readonly name: string; readonly hint: string }
  readonly entries: readonly Entry[]
}

/** A call and what became of it, step by step. */
export function callStory(row: Row, { key, entries }: CallCircumstances): Static<typeof CallStoryView> {
  const call = callView(row)
  const timeline = [
    ...beginning(call, key, jsonCredits(Number(row['held']) as Credits)),
    ...attemptsOf(row).map(attemptEvent),
    ...ending(call, entries),
  ]
  return { ...call, timeline }
}

type Call = Static<typeof CallView>

function beginning(call: Call, { id, name, hint }: CallCircumstances['key'], held: number): Event[] {
  const { offer, price, price_version: version, created_at: at, bytes_in: bytes, mode } = call
  const bought = `The ${mode} key "${name}" (${hint}) sent ${bytes} bytes to buy ${offer}.`
  return [
    { at, event: 'accepted', told: bought, key: { id, name, hint }, bytes },
    {
      at,
      event: 'priced',
      told: `Version ${version} of its price is ${price} credits.`,
      price_version: version,
      credits: price,
    },
    { at, event: 'held', told: `${held} credits were set aside.`, credits: held },
  ]
}

function attemptEvent({ tokenId, hint, status, reason, ms }: Attempt): Event {
  const said = status ? `answered ${status}` : 'gave no answer'
  const told = `With the token ending in ${hint} the upstream ${said} after ${ms} ms${reason && `: ${reason}`}.`
  return { at: null, event: 'attempt', told, token: { id: tokenId, hint }, ...(status ? { status } : {}), ms, reason }
}

function ending(call: Call, entries: readonly Entry[]): Event[] {
  const { ended_at: at, outcome, state, credits, price } = call
  if (at === null || outcome === null || state === 'held') return []
  const reason = call.reason ?? outcome
  const doubt = call.upstream_may_bill ? ' The upstream may bill the operator.' : ''
  const judged = `The call ${outcome === 'succeeded' || outcome === 'failed' ? outcome : `is ${outcome}`}: ${reason}.${doubt}`
  const charge = entries.find(({ kind }) => kind === 'charge')
  const money =
    state === 'settled'
      ? `${credits} of at most ${price} credits were charged.`
      : 'Nothing was charged; the hold was released.'
  return [
    {
      ...{ at, event: 'judged', told: judged, reason },
      ...(call.status === null ? {} : { status: call.status }),
      ...(call.bytes_out === null ? {} : { bytes: call.bytes_out }),
    },
    { at, event: state, told: money, credits, ...(charge ? entryPart(charge) : {}) },
    ...entries.filter(({ kind }) => kind === 'refund').map(refundEvent),
  ]
}

function refundEvent(entry: Entry): Event {
  const reason = entry.reason ?? ''
  const told = `${formatCredits(entry.credits)} credits were given back: ${reason}.`
  return {
    at: formatTime(entry.createdAtMs),
    event: 'refunded',
    told,
    credits: jsonCredits(entry.credits),
    reason,
    ...entryPart(entry),
  }
}

function entryPart({ id, postedAfter }: Entry) {
  return { entry_id: id, posted_after: jsonCredits(postedAfter) }
}
