import type { Logger } from 'pino'
import { forget } from '../audit/audit.ts'
import { idAt } from '../ids.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Replays } from '../replays/replays.ts'
import { sweepSessions } from '../sessions/sessions.ts'
import type { Store } from '../store/store.ts'
import { dayMs } from '../times.ts'
import { forgetReadings } from '../upstream/token-balances.ts'
import { type Rounds, startRounds } from './rounds.ts'

export type RetainRooms = {
  readonly store: Store
  readonly ledger: Ledger
  readonly replays: Replays
  readonly log: Logger
  readonly settings: { readonly retainCallsDays: number; readonly replayLimitBytes: number }
}

const everyMs = 60_000
/** Small enough that no call notices the commit. */
const batch = 200
const pauseMs = 20
/** Older than any call can be in flight, so nothing is writing these bytes any more. */
const strayMs = 3_600_000
/** How long every reading of an upstream balance is kept; of older days only the first and the last. */
const readingDays = 40

/** Old call rows, audit rows, balance readings and replays go in small batches, once a minute; entries never do. */
export function startRetaining(rooms: RetainRooms): Rounds {
  return startRounds((closing) => retain(rooms, () => closing.aborted), {
    ...{ everyMs, log: rooms.log, reason: 'retention' },
    failed: 'old rows could not be removed; tried again in a minute',
  })
}

/** One round; stops early once `closed` says so. */
export async function retain({ store, ledger, replays, settings }: RetainRooms, closed: () => boolean): Promise<void> {
  const nowMs = Date.now()
  const oldestMs = nowMs - settings.retainCallsDays * dayMs
  const ages = { thinBeforeMs: nowMs - readingDays * dayMs, forgetBeforeMs: oldestMs }
  await untilNone(() => replays.sweep(settings.replayLimitBytes), closed)
  await replays.tidy(strayMs)
  await untilNone(() => ledger.forgetCalls(idAt('call', oldestMs), batch), closed)
  await untilNone(() => forget(store, idAt('aud', oldestMs), batch), closed)
  await untilNone(() => forgetReadings(store, ages, batch), closed)
  if (!closed()) await sweepSessions(store, nowMs)
}

async function untilNone(some: () => Promise<number>, closed: () => boolean): Promise<void> {
  while (!closed() && (await some()) > 0) await new Promise((wake) => setTimeout(wake, pauseMs))
}
