import type { Offer, Outcome, Wanted } from '../catalog/offer.ts'
import type { Credits } from '../credits.ts'
import { Problem, StoreUnavailable } from '../errors.ts'
import type { Identity } from '../keys/keys.ts'
import type { Balance, Ending, Hold, Ledger, Request } from '../ledger/ledger.ts'
import type { Queue } from '../limits/queue.ts'
import type { Replays, Scope } from '../replays/replays.ts'
import type { Statement } from '../store/store.ts'
import type { Trace } from '../tracing.ts'
import type { Answer } from '../upstream/answer.ts'
import type { Turn } from '../upstream/turns.ts'
import type { Forwarded, Parcel, Upstream } from '../upstream/upstream.ts'
import type { Afterwards } from './afterwards.ts'

/** An Idempotency-Key, and the digest of what makes two requests the same. */
export type Again = { readonly scope: Scope; readonly sameness: string }

export type Call = {
  readonly id: string
  readonly key: Identity
  readonly offer: Offer
  readonly wanted: Wanted
  readonly parcel: Parcel
  readonly clientRequestId: string | null
  /** Set when the caller sent an Idempotency-Key. */
  readonly again: Again | undefined
  /** Whether the caller has hung up. */
  readonly gone: () => boolean
  /** Runs the work once the caller has left. */
  readonly onLeave: (work: () => void) => void
  readonly trace: Trace
}

export type Rooms = {
  readonly replays: Replays
  readonly ledger: Ledger
  readonly upstream: Upstream
  readonly queue: Queue<Turn>
  readonly afterwards: Afterwards
  readonly chargeFiltered: boolean
  /** How long a settle that cannot be committed is tried again before nothing is delivered. */
  readonly settleTriesMs: number
}

/** What became of a call: money has moved already. */
export type Served = {
  readonly outcome: Outcome
  readonly forwarded: Forwarded
  readonly price: Credits
  readonly charged: Credits
  /** Undefined while the end of the call could not be written. */
  readonly balance: Balance | undefined
}

/** The caller left before anything was sent upstream, so nobody waits for a reply and nothing is charged. */
export class LeftEarly extends Error {}

/**
 * One paid call, top to bottom. Every branch about money is in this function and in no other. From the forward on
 * nothing depends on the caller's socket: the outcome decides.
 */
export async function serveCall(call: Call, rooms: Rooms): Promise<Served> {
  const { upstream, chargeFiltered } = rooms
  const { trace } = call
  trace.at('turn')
  const price = call.offer.quote(call.wanted.form).most
  const request = requestOf(call, price)
  const waited = turnFor(call, request, rooms)
  const turn = waited instanceof Promise ? await waited : waited
  trace.at('hold')
  const hold = await holdOf(call, request, turn, rooms)
  const forwarded = await upstream.forward(call.parcel, turn, call.gone, trace)
  trace.at('judge')
  const outcome = call.offer.judge(forwarded, call.wanted, { chargeFiltered, cleanse: upstream.cleanse })
  const ending = endingOf(outcome, forwarded, hold)
  // Settle before the first byte goes out: the upstream has billed us by now.
  trace.at(outcome.paid ? 'settle' : 'release')
  const end = outcome.refusal
    ? await release(hold, ending, rooms)
    : await deliverable(call, outcome, forwarded, hold, ending, rooms)
  if (!end.refusal) return { outcome, forwarded, price, charged: ending.credits, balance: end.balance }
  return { outcome: unwritten(outcome, end.refusal), forwarded, price, charged: 0 as Credits, balance: end.balance }
}

/** What came back was good, and is not delivered, since its charge is not on disk. */
function unwritten(outcome: Outcome, refusal: Problem): Outcome {
  return { ...outcome, outcome: 'unknown', paid: false, mayBill: true, reason: refusal.code, level: 'error', refusal }
}

function requestOf({ id, key, offer, parcel, clientRequestId }: Call, price: Credits): Request {
  const { id: keyId, accountId, spendId, mode } = key
  const amount = mode === 'test' ? (0 as Credits) : price
  const { priceVersion, upstream, id: offerId } = offer
  const sold = { offer: offerId, price, priceVersion, upstream, amount }
  return { id, accountId, keyId, spendId, mode, ...sold, bytesIn: parcel.body.length, clientRequestId }
}

/** A token for this call, waited for in the fair queue. Who is plainly short of credits does not wait for nothing. */
function turnFor({ key, gone, onLeave }: Call, request: Request, { queue, ledger }: Rooms): Turn | Promise<Turn> {
  if (gone()) throw new LeftEarly()
  return queue.turn({ lane: key.accountId, onLeave }, () => ledger.foresee(request).catch(ledgerTrouble))
}

async function holdOf(call: Call, request: Request, turn: Turn, rooms: Rooms): Promise<Hold> {
  try {
    if (call.gone()) throw new LeftEarly()
    return await rooms.ledger.hold(request, claim(call, rooms)).catch(ledgerTrouble)
  } catch (error) {
    turn.giveBack()
    throw error
  }
}

function endingOf(outcome: Outcome, { answer, attempts, ms }: Forwarded, hold: Hold): Ending {
  return {
    outcome: outcome.outcome,
    reason: outcome.reason,
    mayBill: outcome.mayBill,
    credits: outcome.paid ? hold.amount : (0 as Credits),
    tokenId: attempts.at(-1)?.tokenId,
    attempts: JSON.stringify(attempts),
    status: outcome.refusal?.status ?? 200,
    upstreamStatus: answer.status || undefined,
    upstreamMs: Math.round(ms),
    bytesOut: outcome.refusal ? 0 : answer.body.length,
  }
}

function ledgerTrouble(error: unknown): never {
  if (error instanceof StoreUnavailable) throw new Problem('ledger_unavailable', { cause: error })
  throw error
}

type End = { readonly balance?: Balance | undefined; readonly refusal?: Problem }

function claim({ again, id }: Call, { replays }: Rooms): Statement[] {
  return again ? [replays.claiming(again.scope, id, again.sameness)] : []
}

/** Ends a call whose answer goes to the caller: charged or not, and first kept where it may be asked for again. */
async function deliverable(
  call: Call,
  outcome: Outcome,
  { answer }: Forwarded,
  hold: Hold,
  ending: Ending,
  rooms: Rooms,
): Promise<End> {
  const kept = await keep(call, outcome, answer, rooms).catch((error: unknown) => error)
  if (!Array.isArray(kept)) {
    const end = await release(hold, undelivered(ending), rooms)
    return { ...end, refusal: new Problem('ledger_unavailable', { cause: kept }) }
  }
  // What can be asked for again is delivered that way, so a late settle of it stands.
  const undo = () =>
    call.again ? rooms.ledger.release(hold, undelivered(ending)) : rooms.ledger.undo(hold, undelivered(ending))
  return outcome.paid ? settle(hold, ending, kept, undo, rooms) : release(hold, ending, rooms, kept)
}

async function keep({ again, id }: Call, outcome: Outcome, answer: Answer, { replays }: Rooms): Promise<Statement[]> {
  if (!again) return []
  const contentType = answer.head?.contentType ?? ''
  return replays.keep(id, { contentType, finishReason: outcome.finishReason, seed: answer.head?.seed }, answer.body)
}

const pauseMs = 250

/** Charges, or delivers nothing: what cannot be committed in time is undone later, however it turned out. */
async function settle(
  hold: Hold,
  ending: Ending,
  alongside: readonly Statement[],
  undo: () => Promise<unknown>,
  { ledger, afterwards, settleTriesMs }: Rooms,
): Promise<End> {
  const until = performance.now() + settleTriesMs
  for (;;) {
    try {
      return { balance: await ledger.settle(hold, ending, alongside) }
    } catch (error) {
      if (error instanceof Problem) return { refusal: error }
      if (!(error instanceof StoreUnavailable) || performance.now() + pauseMs > until) {
        afterwards.keepAsking('settle_failed', hold.id, undo, error)
        return { refusal: new Problem('ledger_unavailable', { cause: error }) }
      }
      await new Promise((wake) => setTimeout(wake, pauseMs))
    }
  }
}

function undelivered(ending: Ending): Ending {
  const nothing = { credits: 0 as Credits, bytesOut: 0 }
  return { ...ending, ...nothing, outcome: 'unknown', reason: 'undelivered', mayBill: true, status: 503 }
}

/** Nobody waits for a release: when it cannot be written now, the caller is answered and the house keeps trying. */
async function release(
  hold: Hold,
  ending: Ending,
  { ledger, afterwards }: Rooms,
  alongside: readonly Statement[] = [],
): Promise<End> {
  try {
    return { balance: await ledger.release(hold, ending, alongside) }
  } catch (error) {
    afterwards.keepAsking('release_failed', hold.id, () => ledger.release(hold, ending, alongside), error)
    return {}
  }
}
