import type { Span, TokenCall } from '../ledger/token-calls.ts'
import type { Reading } from '../upstream/token-balances.ts'

/** A time between two readings in which the balance fell by another amount than the calls cost, for good. */
export type Jump = Span & { readonly millionths: number }

/** A sum of calls, at what the upstream takes for each. */
export type Sum = { readonly calls: number; readonly millionths: number }

/** What the balance of one token did in a span, against what its calls cost there; amounts in millionths. */
export type Reckoned = {
  readonly span: Span
  readonly first: Reading | undefined
  readonly last: Reading | undefined
  readonly fall: number
  readonly toppedUp: number
  readonly settled: Sum
  /** What the callers were charged for these. */
  readonly sold: number
  readonly mayBill: Sum
  readonly unexplained: number
  /** Calls under way while the first or the last balance was read: what they cost falls on either side of it. */
  readonly inFlight: Sum
  /** How far `unexplained` may be off because of them. */
  readonly slack: { readonly below: number; readonly above: number }
  readonly jumps: readonly Jump[]
}

/** What the upstream takes for a success. */
export type CostOf = (call: TokenCall) => number

/**
 * Takes calls one by one, and tells what comes of them. Calls count where they ended; those the upstream may have billed
 * where they began, since a call that recovery ended long afterwards was billed then.
 */
export function openReckoning(readings: readonly Reading[], day: Span, costOf: CostOf) {
  const [first, last] = [readings[0], readings.at(-1)]
  const span: Span = first && last ? { startMs: first.atMs, endMs: last.atMs } : day
  const costs = new Array<number>(Math.max(1, readings.length - 1)).fill(0)
  const settled = { calls: 0, millionths: 0 }
  const mayBill = { calls: 0, millionths: 0 }
  const inFlight = { calls: 0, millionths: 0 }
  const slack = { below: 0, above: 0 }
  let sold = 0

  function add(call: TokenCall): void {
    const cost = costOf(call)
    if (call.mayBill && isWithin(call.createdAtMs)) count(mayBill, cost)
    const isCounted = call.state === 'settled' && call.endedAtMs !== null && isWithin(call.endedAtMs)
    if (isCounted) {
      const place = placeOf(call.endedAtMs ?? 0)
      count(settled, cost)
      sold += call.credits
      costs[place] = (costs[place] ?? 0) + cost
    }
    if (call.state !== 'released') straddle(call, cost, isCounted)
  }

  /** Of a call that was under way while a balance was read nobody knows whether that balance had fallen by it already. */
  function straddle(call: TokenCall, cost: number, isCounted: boolean): void {
    const edges = [first, last].filter((reading) => straddles(call, reading)).length
    if (edges === 0) return
    count(inFlight, cost)
    if (isCounted) slack.below += cost * edges
    else slack.above += cost
  }

  function isWithin(ms: number): boolean {
    return ms > span.startMs && ms <= span.endMs
  }

  /** Between which two readings a moment lies: the first one that is not before it ends the time. */
  function placeOf(ms: number): number {
    let [low, high] = [1, readings.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((readings[middle]?.atMs ?? 0) >= ms) high = middle
      else low = middle + 1
    }
    return Math.max(0, low - 1)
  }

  function reckon(): Reckoned {
    const steps = readings
      .slice(1)
      .map((reading, index) => stepOf(readings[index] ?? reading, reading, costs[index] ?? 0))
    const fall = steps.reduce((sum, step) => sum + step.fall, 0)
    const toppedUp = steps.reduce((sum, step) => sum + step.toppedUp, 0)
    const unexplained = steps.length > 0 ? fall - settled.millionths : 0
    const jumps = largest(jumpsOf(steps))
    return { span, first, last, fall, toppedUp, settled, sold, mayBill, unexplained, inFlight, slack, jumps }
  }

  return { span, add, reckon }
}

function count(sum: { calls: number; millionths: number }, cost: number): void {
  sum.calls++
  sum.millionths += cost
}

function straddles({ createdAtMs, endedAtMs }: TokenCall, reading: Reading | undefined): boolean {
  if (!reading) return false
  return createdAtMs < reading.atMs && (endedAtMs === null || endedAtMs > reading.askedAtMs)
}

type Step = Span & { readonly fall: number; readonly toppedUp: number; readonly rest: number }

/** What a rise hides of the calls in its time cannot be told, so they are taken to have cost what they cost. */
function stepOf(from: Reading, to: Reading, cost: number): Step {
  const fell = from.credits - to.credits
  const span = { startMs: from.askedAtMs, endMs: to.atMs }
  if (fell < 0) return { ...span, fall: cost, toppedUp: cost - fell, rest: 0 }
  return { ...span, fall: fell, toppedUp: 0, rest: fell - cost }
}

const mostJumps = 50

function largest(jumps: readonly Jump[]): readonly Jump[] {
  const bySize = jumps.toSorted((one, other) => Math.abs(other.millionths) - Math.abs(one.millionths))
  return bySize.slice(0, mostJumps).sort((one, other) => one.startMs - other.startMs)
}

/**
 * Where a difference arose that stayed. A call that ends around a reading makes one time look dear and the next one
 * cheap; only what is never made good afterwards is a jump.
 */
function jumpsOf(steps: readonly Step[]): readonly Jump[] {
  const total = steps.reduce((sum, { rest }) => sum + rest, 0)
  const sign = Math.sign(total)
  const jumps: Jump[] = []
  let lowest = Math.abs(total)
  let sum = Math.abs(total)
  for (const { rest, startMs, endMs } of steps.toReversed()) {
    const before = sum - sign * rest
    const next = Math.max(0, Math.min(lowest, before))
    if (next < lowest) jumps.unshift({ startMs, endMs, millionths: sign * (lowest - next) })
    lowest = next
    sum = before
  }
  return jumps
}
