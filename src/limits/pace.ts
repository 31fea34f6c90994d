/** Permits to send by token, at most so many in any span of time, wherever it begins. */
export type Pace = {
  /** Milliseconds until a permit may be had, as far as is known here. */
  waitMs(id: string): number
  /** Takes a permit; false when somebody else was faster, and from then on `waitMs` tells for how long. */
  take(id: string): boolean | Promise<boolean>
  /** Gives back a permit with which nothing was sent. */
  giveBack(id: string): void
  /** Milliseconds between two permits of one token when all are wanted. */
  spacingMs(): number
}

export type PaceRate = { readonly calls: number; readonly windowMs: number }

/**
 * How permits are spread: one every `intervalMs`, or ahead of that by at most `slackMs`, so a tenth of the calls at
 * once. A bucket of `burst` that fills by one each interval gives at most `burst - 1 + span / interval` in any span,
 * which these numbers make exactly the calls that are allowed (ITU-T I.371, the generic cell rate algorithm).
 */
export function spreadOf({ calls, windowMs }: PaceRate): { readonly intervalMs: number; readonly slackMs: number } {
  const burst = Math.max(1, Math.floor(calls / 10))
  const intervalMs = windowMs / (calls - burst + 1)
  return { intervalMs, slackMs: (burst - 1) * intervalMs }
}

/** A rate that leaves room for what is permitted evenly and arrives unevenly: a hold takes its time, and so does the way. */
export function withReserve({ calls, windowMs }: PaceRate): PaceRate {
  return { calls, windowMs: windowMs + Math.min(unevenMs, windowMs / 20) }
}

const unevenMs = 100

export type LocalPace = Pace & {
  /** Notes a permit that was had elsewhere. */
  count(id: string): void
  /** Takes the next permit whenever it comes, in the order of asking; answers the milliseconds until then. */
  reserve(id: string): number
}

/** Sums of intervals are as exact as doubles, so what is due now may seem a hair away. */
const hairMs = 0.001

/** The pace of this process, on a clock that nobody can put back; `replicas` share it in equal parts. */
export function openPace(rate: PaceRate, replicas: () => number = () => 1, now = () => performance.now()): LocalPace {
  const spread = spreadOf(rate)
  /** When a token's next permit would be due if none were ever taken ahead. */
  const due = new Map<string, number>()
  const spacingMs = () => spread.intervalMs * replicas()

  function waitMs(id: string): number {
    const ms = (due.get(id) ?? 0) - spread.slackMs - now()
    return ms < hairMs ? 0 : ms
  }

  function take(id: string): boolean {
    if (waitMs(id) > 0) return false
    count(id)
    return true
  }

  function count(id: string): void {
    due.set(id, Math.max(now(), due.get(id) ?? 0) + spacingMs())
  }

  function giveBack(id: string): void {
    due.set(id, (due.get(id) ?? 0) - spacingMs())
  }

  function reserve(id: string): number {
    const ms = waitMs(id)
    count(id)
    return ms
  }

  return { waitMs, take, count, reserve, giveBack, spacingMs }
}

/** No bound: the sandbox is ours. */
export const unpaced: LocalPace = {
  ...{ waitMs: () => 0, take: () => true, reserve: () => 0, spacingMs: () => 0 },
  ...{ count: () => undefined, giveBack: () => undefined },
}
