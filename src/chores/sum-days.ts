import type { Logger } from 'pino'
import { sumDay } from '../ledger/usage-days.ts'
import type { Store } from '../store/store.ts'

const everyMs = 60_000
const pauseMs = 20

/** Adds up the usage of days that are over, day by day, at the start and once a minute. */
export function startSummingDays(store: Store, log: Logger): { close(): Promise<void> } {
  let closed = false
  const round = async (): Promise<void> => {
    try {
      while (!closed && (await sumDay(store, Date.now()))) await new Promise((wake) => setTimeout(wake, pauseMs))
    } catch (error) {
      log.warn({ err: error, reason: 'usage' }, 'usage could not be added up; tried again in a minute')
    }
  }
  let running = round()
  const timer = setInterval(() => {
    running = running.then(round)
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
