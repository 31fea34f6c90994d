import { type Static, Type } from 'typebox'
import { type Credits, jsonCredits } from '../credits.ts'
import { dayGiven, fault, idText, oneOf, orNull, timeTold } from '../fields.ts'
import type { Span } from '../ledger/token-calls.ts'
import { dayMs, dayOf, dayText, formatTime, formatTimeOrNull, msOfDay, parseTime } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { Reading } from '../upstream/token-balances.ts'
import type { AdminRooms } from './admin.ts'
import { type Candidate, explainedBy, findingOf, findings, whys } from './candidates.ts'
import { type ReckonedToken, reckonDay } from './reckon-day.ts'
import type { CostOf, Sum } from './reckoning.ts'

const credits = (description: string, example: number) => Type.Number({ description, examples: [example] })
const SumView = Type.Object(
  { calls: Type.Integer({ examples: [1] }), credits: credits('At what the upstream takes for each.', 3) },
  { title: 'CallSum' },
)
const BalanceView = Type.Object(
  { credits: credits('What the upstream said was left.', 812.5), at: timeTold('When it said so.') },
  { title: 'BalanceReading' },
)
const JumpView = Type.Object(
  {
    from: timeTold('Not before this.'),
    to: timeTold('Not after this.'),
    credits: credits('Below zero where the balance fell by less than the calls cost.', 3),
  },
  { title: 'BalanceJump' },
)
const CandidateView = Type.Object(
  {
    id: idText('call_01hq3w8kzp0000m4n5p6q7r8s9', 'The call.'),
    why: oneOf(whys, 'It may have been billed in vain, ran while a balance was read, or ended near a jump.'),
    state: oneOf(['held', 'settled', 'released'], 'What became of the hold.'),
    outcome: orNull(Type.String({ examples: ['unknown'] }), 'What became of the call; null while it runs.'),
    reason: orNull(Type.String({ examples: ['upstream_reset'] }), 'One word for why.'),
    credits: credits('What the upstream takes for such a call.', 3),
    charged: credits('What its caller paid.', 0),
    created_at: timeTold('When the credits were held.'),
    ended_at: orNull(timeTold('When the hold ended.')),
  },
  { title: 'ReconcileCandidate' },
)
const TokenView = Type.Object(
  {
    token_id: idText('tok_0f3a9c2e5b8d1406a1b2', 'The master token; never the value.'),
    hint: orNull(Type.String({ examples: ['9f3c'] }), 'Its last 4 characters; null when it is no longer set.'),
    finding: oneOf(findings, 'Whether the fall is what the calls cost; `in_flight` as far as can be known.'),
    explained_by: Type.String({ examples: ['The balance fell by what the successful calls cost.'] }),
    from: timeTold('From when on calls were counted: when the first balance was read.'),
    to: timeTold('Up to when: when the last balance was read.'),
    balance_start: orNull(BalanceView, 'The reading nearest to the beginning of the day.'),
    balance_end: orNull(BalanceView, 'The reading nearest to its end.'),
    fall: orNull(credits('By how much it fell, top-ups left out.', 354)),
    topped_up: orNull(credits('What was put in, as far as the balance was seen to rise.', 0)),
    settled: credits('What the successful calls cost at the upstream, by its price list.', 351),
    settled_calls: Type.Integer({ examples: [117] }),
    settled_credits: credits('What their callers were charged.', 468),
    may_bill: SumView,
    unexplained: orNull(credits('The fall less what the successful calls cost.', 3)),
    in_flight: SumView,
    jumps: Type.Array(JumpView, { description: 'When the difference arose, as far as it stayed.' }),
    candidates: Type.Array(CandidateView, {
      description: 'Calls that can explain it, the likeliest first; at most 100.',
    }),
  },
  { title: 'ReconciledToken' },
)
const ReconcileView = Type.Object(
  {
    day: Type.String({ description: 'The UTC day.', examples: ['2026-11-21'] }),
    tokens: Type.Array(TokenView),
    without_token: Type.Object(SumView.properties, {
      description: 'Calls of the day that died with their process and may have been billed to any token.',
    }),
  },
  { title: 'Reconciliation' },
)
const Query = Type.Object(
  { day: Type.Optional(dayGiven('The UTC day; yesterday if not given.')) },
  { additionalProperties: false },
)

/** `GET /reconcile`: the fall of each token's upstream balance against what the ledger says its calls cost there. */
export function reconcile(scope: TypedScope, rooms: AdminRooms): void {
  const schema = {
    querystring: Query,
    response: { 200: ReconcileView },
    tags: ['books'],
    summary: "Compare the ledger with the upstream's balances",
    description:
      'Live calls of one UTC day, from the balance read nearest to its beginning to the one nearest to its end.',
    operationId: 'getReconciliation',
  }
  scope.get('/reconcile', { schema }, (request) => reconciled(dayIn(request.query.day), rooms))
}

async function reconciled(day: Span, rooms: AdminRooms): Promise<Static<typeof ReconcileView>> {
  const { tokens, lost, costOf } = await reckonDay(day, rooms)
  return {
    day: dayText(dayOf(day.startMs)),
    tokens: tokens.map((token) => tokenView(token, costOf)),
    without_token: sumView(lost),
  }
}

/** Throws Problem bad_request for a day that never was or has not begun. */
function dayIn(text: string | undefined): Span {
  const nowMs = Date.now()
  const startMs = text === undefined ? msOfDay(dayOf(nowMs - dayMs)) : parseTime(text)
  if (startMs === undefined) throw fault('day: there is no such day')
  if (startMs > nowMs) throw fault('day: has not begun yet')
  return { startMs, endMs: startMs + dayMs }
}

function tokenView({ id, hint, reckoned, candidates }: ReckonedToken, costOf: CostOf): Static<typeof TokenView> {
  const { span, first, last, fall, toppedUp, settled, sold, mayBill, unexplained, inFlight, jumps } = reckoned
  const ifRead = (millionths: number) => (first ? shown(millionths) : null)
  return {
    ...{ token_id: id, hint, finding: findingOf(reckoned), explained_by: explainedBy(reckoned, candidates, costOf) },
    ...{ from: formatTime(span.startMs), to: formatTime(span.endMs) },
    ...{ balance_start: readingView(first), balance_end: readingView(last) },
    ...{ fall: ifRead(fall), topped_up: ifRead(toppedUp) },
    ...{ settled: shown(settled.millionths), settled_calls: settled.calls, settled_credits: shown(sold) },
    ...{ may_bill: sumView(mayBill), unexplained: ifRead(unexplained), in_flight: sumView(inFlight) },
    jumps: jumps.map(({ startMs, endMs, millionths }) => {
      return { from: formatTime(startMs), to: formatTime(endMs), credits: shown(millionths) }
    }),
    candidates: candidates.map((candidate) => candidateView(candidate, costOf)),
  }
}

function candidateView({ call, why }: Candidate, costOf: CostOf): Static<typeof CandidateView> {
  const { id, state, outcome, reason, createdAtMs, endedAtMs } = call
  return {
    ...{ id, why, state, outcome, reason, credits: shown(costOf(call)), charged: shown(call.credits) },
    ...{ created_at: formatTime(createdAtMs), ended_at: formatTimeOrNull(endedAtMs) },
  }
}

function readingView(reading: Reading | undefined): Static<typeof BalanceView> | null {
  return reading ? { credits: shown(reading.credits), at: formatTime(reading.atMs) } : null
}

function sumView({ calls, millionths }: Sum): Static<typeof SumView> {
  return { calls, credits: shown(millionths) }
}

function shown(millionths: number): number {
  return jsonCredits(millionths as Credits)
}
