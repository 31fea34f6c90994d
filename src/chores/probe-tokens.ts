import type { Logger } from 'pino'
import type { Credits } from '../credits.ts'
import type { Store } from '../store/store.ts'
import type { Purse } from '../upstream/purse.ts'
import { claim, creditsTold, keeping } from '../upstream/token-balances.ts'
import type { TokenView } from '../upstream/tokens.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { type Rounds, startRounds } from './rounds.ts'

export type ProbeRooms = {
  readonly store: Store
  readonly upstream: Pick<Upstream, 'tokens' | 'purse' | 'resume'>
  readonly log: Logger
  /** What the cheapest call costs at the upstream: a token with less would only be found empty again. */
  readonly leastCredits: Credits
  readonly everyMs?: number | undefined
}

/** Of an interval, so that a round that comes a little early is still the next one. */
const claimedShare = 0.9

/**
 * Asks the upstream for the balance of each token, one after the other and each by one replica only, and keeps what it
 * says. A token that was empty or revoked and is good again is used again; whether one is bad only its calls decide, since
 * a key may buy without being allowed to ask.
 */
export function startProbingTokens(rooms: ProbeRooms): Rounds {
  const { upstream, log, everyMs = 60_000 } = rooms
  const told = new Map<string, Purse['state']>()

  async function round(closing: AbortSignal): Promise<void> {
    for (const token of upstream.tokens().filter(isWorthAsking)) {
      if (closing.aborted) return
      const purse = await asked(token, rooms, everyMs, closing)
      if (purse) warn(token, purse)
    }
  }

  /** Once for each trouble, and not again before it was over. */
  function warn({ id }: TokenView, { state, credits, reason }: Purse): void {
    const isTold = told.get(id) === state
    told.set(id, state)
    if (credits !== undefined || isTold) return
    log.warn({ reason: 'balance_unread', token_id: id, state, why: reason }, 'the balance of a token cannot be read')
  }

  const failed = 'the balances of tokens cannot be kept; tried again in a minute'
  return startRounds(round, { everyMs, log, reason: 'balances', failed })
}

/** A token that cools was asked too much already. */
function isWorthAsking({ state }: TokenView): boolean {
  return state === 'active' || state === 'empty' || state === 'revoked'
}

async function asked(
  { id }: TokenView,
  { store, upstream, leastCredits }: ProbeRooms,
  everyMs: number,
  closing: AbortSignal,
): Promise<Purse | undefined> {
  if (!(await claim(store, id, Math.floor(everyMs * claimedShare)))) return undefined
  const purse = await unlessClosing(upstream.purse(id), closing)
  if (!purse) return undefined
  const credits = purse.credits === undefined ? undefined : creditsTold(purse.credits)
  const atMs = Date.now()
  if (credits !== undefined) await store.write([keeping(id, { atMs, askedAtMs: atMs - purse.tookMs, credits })])
  // Its state is asked for again, since somebody else may have changed it meanwhile.
  const state = upstream.tokens().find((token) => token.id === id)?.state
  const isGood = credits !== undefined && credits >= leastCredits
  if (isGood && (state === 'empty' || state === 'revoked')) upstream.resume(id, 'probed')
  return purse
}

/** A house that closes waits for no answer of the upstream. */
async function unlessClosing<Value>(work: Promise<Value>, closing: AbortSignal): Promise<Value | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const leave = (): void => resolve(undefined)
  closing.addEventListener('abort', leave)
  try {
    return await Promise.race([work, promise])
  } finally {
    closing.removeEventListener('abort', leave)
  }
}
