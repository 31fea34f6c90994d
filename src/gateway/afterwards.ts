import type { Logger } from 'pino'

export type Afterwards = ReturnType<typeof openAfterwards>

const firstPauseMs = 500
const longestPauseMs = 30_000

/** Ledger verbs that could not be written while their call was answered, asked again by call id until they are. */
export function openAfterwards(log: Logger) {
  const open = new Map<string, NodeJS.Timeout>()
  let closed = false

  /** Every verb given here must be safe to ask again. */
  function keepAsking(reason: string, callId: string, verb: () => Promise<unknown>, cause?: unknown): void {
    // What a closing house leaves behind is recovery's.
    if (closed) return
    log.error({ reason, call: callId, err: cause }, 'the ledger could not be written; it will be asked again')
    const again = (pauseMs: number): void => {
      const timer = setTimeout(() => {
        verb().then(
          () => {
            open.delete(callId)
            log.info({ reason, call: callId }, 'the ledger was written after all')
          },
          () => again(Math.min(2 * pauseMs, longestPauseMs)),
        )
      }, pauseMs)
      timer.unref()
      open.set(callId, timer)
    }
    again(firstPauseMs)
  }

  return {
    keepAsking,
    /** The calls whose end is not written yet. */
    left: () => [...open.keys()],
    close() {
      closed = true
      for (const timer of open.values()) clearTimeout(timer)
    },
  }
}
