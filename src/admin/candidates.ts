import { type Credits, formatCredits } from '../credits.ts'
import type { Span, TokenCall } from '../ledger/token-calls.ts'
import type { CostOf, Jump, Reckoned } from './reckoning.ts'

export const whys = ['may_bill', 'in_flight', 'near'] as const
/** `may_bill`: nobody paid, the upstream may bill; `in_flight`: while a balance was read; `near`: when a jump arose. */
export type Why = (typeof whys)[number]
export type Candidate = { readonly call: TokenCall; readonly why: Why }

export const findings = ['even', 'in_flight', 'unexplained', 'unknown'] as const
export type Finding = (typeof findings)[number]

export function findingOf({ first, unexplained, slack }: Reckoned): Finding {
  if (!first) return 'unknown'
  if (unexplained === 0) return 'even'
  return unexplained >= -slack.below && unexplained <= slack.above ? 'in_flight' : 'unexplained'
}

/** Which calls can explain a difference, the likeliest first: those of the jumps before those of the rest of the day. */
export function openCandidates({ span, first, last, jumps, unexplained }: Reckoned, most: number) {
  const ranks: Candidate[][] = [[], [], [], [], []]

  function add(call: TokenCall): void {
    if (unexplained === 0) return
    const isAtJump = jumps.some((jump) => overlaps(call, jump))
    const edges = [first, last].flatMap((each) => (each ? { startMs: each.askedAtMs, endMs: each.atMs } : []))
    const isAtEdge = call.state !== 'released' && edges.some((edge) => overlaps(call, edge))
    // What the upstream has not billed can be any call but one it had no reason to bill.
    const isFailure = call.state === 'released'
    if (call.mayBill && unexplained > 0 && isAtJump) put(0, call, 'may_bill')
    else if (isAtEdge) put(1, call, 'in_flight')
    else if (call.mayBill && unexplained > 0 && overlaps(call, span)) put(2, call, 'may_bill')
    else if (isAtJump && isFailure === unexplained > 0) put(3, call, 'near')
    else if (isAtJump) put(4, call, 'near')
  }

  function put(rank: number, call: TokenCall, why: Why): void {
    const row = ranks[rank]
    if (row && row.length < most) row.push({ call, why })
  }

  return { add, found: (): readonly Candidate[] => ranks.flat().slice(0, most) }
}

function overlaps({ createdAtMs, endedAtMs }: TokenCall, { startMs, endMs }: Span): boolean {
  return createdAtMs <= endMs && (endedAtMs === null || endedAtMs >= startMs)
}

/** What an operator should think of it, in a sentence. */
export function explainedBy(reckoned: Reckoned, candidates: readonly Candidate[], costOf: CostOf): string {
  const { unexplained, inFlight, mayBill, jumps } = reckoned
  const finding = findingOf(reckoned)
  if (finding === 'unknown') return 'The balance was not read at both ends of the day.'
  if (finding === 'even') {
    const spared =
      mayBill.calls > 0 ? ` Of ${counted(mayBill.calls)} that might have been billed in vain none was.` : ''
    return `The balance fell by what the successful calls cost.${spared}`
  }
  if (finding === 'in_flight') {
    return `${capital(were(inFlight.calls))} under way while the balance was read; the cost falls on either side of it.`
  }
  if (unexplained < 0) {
    return 'The upstream took less than the successful calls cost: it has not billed all of them, or bills them later.'
  }
  return lostBy(unexplained, jumps, candidates, costOf)
}

function lostBy(lost: number, jumps: readonly Jump[], candidates: readonly Candidate[], costOf: CostOf): string {
  const unpaid = candidates.filter(({ call, why }) => why === 'may_bill' && jumps.some((jump) => overlaps(call, jump)))
  const cost = unpaid.reduce((sum, { call }) => sum + costOf(call), 0)
  const [only] = unpaid
  if (only && cost === lost) {
    const named = unpaid.length === 1 ? `the call ${only.call.id}` : `${counted(unpaid.length)}`
    return `The upstream billed ${named}, which nobody paid for.`
  }
  if (only && cost > lost) return `The upstream billed some of ${counted(unpaid.length)} that nobody paid for.`
  if (only) {
    const [part, whole] = [formatCredits(cost as Credits), formatCredits(lost as Credits)]
    return `${capital(counted(unpaid.length))} that nobody paid for can explain ${part} of the ${whole} credits.`
  }
  if (candidates.length === 0) {
    return 'No call was under way when the balance fell: the token may be in use elsewhere.'
  }
  return 'No call is known to have been billed in vain: look at those near the jumps, and whether the token is in use elsewhere.'
}

function counted(calls: number): string {
  return calls === 1 ? '1 call' : `${calls} calls`
}

function were(calls: number): string {
  return `${counted(calls)} ${calls === 1 ? 'was' : 'were'}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
