import { idAt } from '../ids.ts'
import { callersSince } from '../ledger/lows.ts'
import type { TokenChange } from '../upstream/tokens.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { EventName } from '../webhooks/events.ts'
import { type LookRooms, lookAtAccounts, lookAtBooks, lookAtKeys, lookAtUpstream, tell, tellOfToken } from './looks.ts'
import type { Notices } from './notices.ts'
import { startRounds } from './rounds.ts'

export type AlertRooms = LookRooms & {
  readonly upstream: LookRooms['upstream'] & Pick<Upstream, 'onTokenChange'>
  readonly notices: Notices
  /** How often each thing is looked at. */
  readonly everyMs?: number | undefined
  readonly tickMs?: number | undefined
}

/** One thing to look at: as soon as there is something to see, and then not again for a while. */
type Duty = { readonly everyMs: number; readonly due: () => boolean; readonly look: () => Promise<void> }

/** Calls of the minutes before a process began count as noticed, so that a restart forgets nobody. */
const beforeMs = 600_000
const mostBefore = 10_000
/** How many old alerts are looked at again in one look. */
const pageSize = 500

/**
 * Decides what webhooks are told. It works beside the calls and in nobody's way: what cannot be read or written is left
 * to the next look, with a warning.
 */
export function startAlerting(rooms: AlertRooms): { close(): Promise<void> } {
  const { store, webhooks, alerts, upstream, notices, log } = rooms
  const { everyMs = 60_000, tickMs = 1000 } = rooms
  const wants = (...events: readonly EventName[]) => events.some((event) => webhooks.wants(event))
  const again = { 'account.balance_low': '', 'key.quota_low': '' }
  let isWatching = false
  let telling: Promise<unknown> = Promise.resolve()

  /** Who called lately, from the ledger, whenever somebody begins to ask. */
  async function catchUp(): Promise<void> {
    const since = idAt('call', Date.now() - beforeMs)
    const callers = await callersSince(store, since, mostBefore)
    notices.called({
      accounts: callers.map(({ accountId }) => accountId),
      keys: callers.map(({ keyId }) => keyId),
    })
    isWatching = true
  }

  async function lookAtCallers(): Promise<void> {
    const callers = notices.takeCallers()
    try {
      await lookAtAccounts(callers.accounts, rooms)
      await lookAtKeys(callers.keys, rooms)
    } catch (error) {
      notices.called(callers)
      throw error
    }
  }

  /** Looks at some of those told before, a page at a time, since what is over may be over without a call. */
  async function lookAgain(): Promise<void> {
    for (const [event, look] of [
      ['account.balance_low', lookAtAccounts],
      ['key.quota_low', lookAtKeys],
    ] as const) {
      const page = await alerts.told(event, again[event], pageSize)
      again[event] = page.length < pageSize ? '' : (page.at(-1) ?? '')
      await look(page, rooms)
    }
  }

  async function tellUnknown(againAfterMs = everyMs): Promise<void> {
    const data = notices.takeUnknown()
    if (data.count === 0 || !wants('calls.outcome_unknown')) return
    try {
      // Another replica may have told of its own within this minute.
      const told = await tell(rooms, { type: 'calls.outcome_unknown', data }, 'house', { againAfterMs })
      if (!told) notices.untold(data)
    } catch (error) {
      notices.untold(data)
      throw error
    }
  }

  const duties: readonly Duty[] = [
    { everyMs: 0, due: () => !isWatching && wants('account.balance_low', 'key.quota_low'), look: catchUp },
    { everyMs, due: notices.hasCallers, look: lookAtCallers },
    { everyMs, due: () => wants('account.balance_low', 'key.quota_low'), look: lookAgain },
    { everyMs: everyMs / 6, due: notices.hasUnknown, look: () => tellUnknown() },
    { everyMs, due: () => wants('upstream.balance_low'), look: () => lookAtUpstream(rooms) },
    { everyMs, due: () => wants('books.imbalance'), look: () => lookAtBooks(rooms) },
  ]
  const lastMs = new Map<Duty, number>()

  async function round(closing: AbortSignal): Promise<void> {
    if (!wants('account.balance_low', 'key.quota_low')) isWatching = false
    let failure: { readonly error: unknown } | undefined
    for (const duty of duties) {
      const nowMs = performance.now()
      const isTime = nowMs - (lastMs.get(duty) ?? Number.NEGATIVE_INFINITY) >= duty.everyMs
      if (closing.aborted || !isTime || !duty.due()) continue
      lastMs.set(duty, nowMs)
      // One thing that cannot be looked at hides none of the others.
      await duty.look().catch((error: unknown) => {
        failure ??= { error }
      })
    }
    if (failure) throw failure.error
  }

  upstream.onTokenChange((change: TokenChange) => {
    // Who learnt of it from another replica leaves the telling to that one.
    if (change.learnt || !wants('token.state_changed')) return
    telling = telling
      .then(() => tellOfToken(change, rooms))
      .catch((error: unknown) =>
        log.warn({ err: error, reason: 'webhooks' }, 'a token changed and nobody could be told'),
      )
  })

  const failed = 'it could not be looked whether somebody must be told; tried again in a moment'
  const rounds = startRounds(round, { everyMs: tickMs, log, reason: 'webhooks', failed })
  return {
    /** What was noticed of unknown outcomes lives in this process only, so it is told before the end. */
    async close() {
      await rounds.close()
      await tellUnknown(0).catch((error: unknown) => log.warn({ err: error, reason: 'webhooks' }, failed))
      await telling
    },
  }
}
