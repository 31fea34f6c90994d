import type { Logger } from 'pino'
import { sumDay } from '../ledger/usage-days.ts'
import type { Store } from '../store/store.ts'
import { pause, type Rounds, startRounds } from './rounds.ts'

const everyMs = 60_000
const pauseMs = 20

/** Adds up the usage of days that are over, day by day, at the start and once a minute. */
export function startSummingDays(store: Store, log: Logger): Rounds {
  const round = async (closing: AbortSignal): Promise<void> => {
    while (!closing.aborted && (await sumDay(store, Date.now()))) await pause(pauseMs, closing)
  }
  return startRounds(round, {
    ...{ everyMs, atOnce: true, log, reason: 'usage' },
    failed: 'usage could not be added up; tried again in a minute',
  })
}
