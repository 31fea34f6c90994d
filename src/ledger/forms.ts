import { newId } from '../ids.ts'
import type { Filled, Form } from '../store/store.ts'
import { dayOf } from '../times.ts'
import type { Ending, Hold, Request } from './ledger.ts'
import { endSteps, holdSteps } from './texts.ts'
import { ends, holds } from './together.ts'

const holding: Form = { steps: holdSteps, together: holds }
const ended: Form = { steps: endSteps, together: ends }

/** The row stands in the order of `holdColumns`. */
export function formOfHold(request: Request, owner: string, nowMs: number): Filled {
  const { id, accountId, keyId, spendId, offer, mode, amount, price, priceVersion } = request
  const { upstream, bytesIn, clientRequestId } = request
  return {
    form: holding,
    row: [
      ...[id, accountId, keyId, spendId, offer, mode, amount, price, priceVersion],
      ...[upstream, bytesIn, clientRequestId, owner, dayOf(nowMs), nowMs],
    ],
  }
}

/** The row stands in the order of `endColumns` and `endMore`. */
export function formOfEnd(state: 'settled' | 'released', hold: Hold, ending: Ending, nowMs: number): Filled {
  const { id, accountId, keyId, spendId, offer, mode, day, amount } = hold
  const charged = state === 'settled' ? ending.credits : 0
  // As usage counts it.
  const good = ending.outcome === 'succeeded' || ending.outcome === 'filtered' ? 1 : 0
  return {
    form: ended,
    row: [
      ...[id, accountId, spendId, state, ending.outcome, ending.reason, ending.mayBill ? 1 : 0],
      ...[charged, amount - charged, amount, good, newId('ent')],
      ...[ending.tokenId ?? null, ending.attempts ?? null, ending.status ?? null],
      ...[ending.upstreamStatus ?? null, ending.upstreamMs ?? null, ending.bytesOut ?? null, nowMs],
      ...[keyId, offer, mode, day, Math.floor(day / 100), charged > 0 ? 1 : 0],
    ],
  }
}
