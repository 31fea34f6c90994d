import type { Logger } from 'pino'

/** Well within the two seconds in which a change made at one replica has to be felt at all. */
const everyMs = 1000

/** Reads again and again what other replicas may have changed; a reading that fails is left to the next. */
export function startRefreshing(read: () => Promise<unknown>, log: Logger): { close(): void } {
  let failed = false
  const timer = setInterval(() => {
    read().then(
      () => {
        failed = false
      },
      (error: unknown) => {
        if (!failed) log.warn({ err: error, reason: 'refresh' }, 'changes made elsewhere cannot be read')
        failed = true
      },
    )
  }, everyMs)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
