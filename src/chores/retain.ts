import type { Logger } from 'pino'
import { forget } from '../audit/audit.ts'
import { idAt } from '../ids.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Replays } from '../replays/replays.ts'
import type { Store } from '../store/store.ts'

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
const dayMs = 86_400_000
/** Older than any call can be in flight, so nothing is writing these bytes any more. */
const strayMs = 3_600_000

/** Old call rows, audit rows and replays go in small batches, once a minute; entries never do. */
export function startRetaining(rooms: RetainRooms): { close(): Promise<void> } {
  let closed = false
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(() => retain(rooms, () => closed))
      .catch((error: unknown) => {
        rooms.log.warn({ err: error, reason: 'retention' }, 'old rows could not be removed; tried again in a minute')
      })
  }, everyMs)
  timer.unref()
  return {
    async close() {
      closed = true
      clearInterval(timer)
      await running
    },
  }
}

/** One round; stops early once `closed` says so. */
export async function retain({ store, ledger, replays, settings }: RetainRooms, closed: () => boolean): Promise<void> {
  const oldestMs = Date.now() - settings.retainCallsDays * dayMs
  await untilNone(() => replays.sweep(settings.replayLimitBytes), closed)
  await replays.tidy(strayMs)
  await untilNone(() => ledger.forgetCalls(idAt('call', oldestMs), batch), closed)
  await untilNone(() => forget(store, idAt('aud', oldestMs), batch), closed)
}

async function untilNone(some: () => Promise<number>, closed: () => boolean): Promise<void> {
  while (!closed() && (await some()) > 0) await new Promise((wake) => setTimeout(wake, pauseMs))
}
