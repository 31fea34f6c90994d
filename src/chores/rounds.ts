import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'

export type Rounds = {
  /** Ends the waiting, and resolves when the round under way is over. */
  close(): Promise<void>
}

type Plan = {
  readonly everyMs: number
  /** Whether the first round begins now rather than after the first wait. */
  readonly atOnce?: boolean
  readonly log: Logger
  /** One word for the log. */
  readonly reason: string
  /** What a round that failed means. */
  readonly failed: string
}

/**
 * Does a piece of work again and again, never twice at a time. A round that fails is left to the next, and is told once
 * until one succeeds again; `closing` is aborted when the house closes.
 */
export function startRounds(round: (closing: AbortSignal) => Promise<unknown>, plan: Plan): Rounds {
  const { everyMs, atOnce = false, log, reason, failed } = plan
  const closed = new AbortController()
  let running: Promise<void> | undefined
  let isTold = false

  function begin(): void {
    running ??= round(closed.signal).then(
      () => over(false),
      (error: unknown) => {
        if (!isTold && !closed.signal.aborted) log.warn({ err: error, reason }, failed)
        over(true)
      },
    )
  }

  function over(told: boolean): void {
    isTold = told
    running = undefined
  }

  if (atOnce) begin()
  const timer = setInterval(begin, everyMs)
  timer.unref()
  return {
    async close() {
      closed.abort()
      clearInterval(timer)
      await running
    },
  }
}

/** Waits, but not for a house that closes. */
export async function pause(ms: number, closing: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: closing }).catch(() => undefined)
}
