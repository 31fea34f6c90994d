import { Problem } from '../errors.ts'

/** What callers wait for; it must be given back when nothing comes of it. */
export type Waited = { giveBack(): void }

export type Source<Turn extends Waited> = {
  /** A turn, or milliseconds until it is worth asking again; infinite until there is word of more room. */
  take(): Turn | number | Promise<Turn | number>
  /** Why waiting for at most so many milliseconds is in vain, if it is. */
  inVain(withinMs: number): Problem | undefined
  /** About how many milliseconds lie between two turns when many wait. */
  spacingMs(): number
  /** Runs the work each time there may be more room. */
  onRoom(work: () => void): void
}

type Caller = {
  /** Callers of one lane take their turns one after the other. */
  readonly lane: string
  /** Runs the work once the caller has left. */
  onLeave(work: () => void): void
}

export type QueueView = { readonly waiting: number; readonly lanes: number; readonly oldestWaitMs: number }

type Waiter<Turn> = {
  readonly lane: string
  readonly sinceMs: number
  readonly done: (turn: Turn | Error) => void
}

/** A caller left while waiting; nobody is there to read a reply. */
export class LeftQueue extends Error {}

export type Queue<Turn extends Waited> = {
  /**
   * A turn at once, or after those who wait already: one lane per account, lane after lane. Throws Problem: busy,
   * shutting_down, or why waiting is in vain; LeftQueue when the caller has left.
   */
  turn(caller: Caller, before?: () => Promise<void>): Turn | Promise<Turn>
  view(): QueueView
  /** Hears how long each turn was waited for. */
  onTurn(listener: (waitedMs: number) => void): void
  /** Refuses everybody who waits, and all who would have to. */
  close(): void
}

type Bounds = { readonly longestMs: number; readonly mostWaiting: number }

/** The fair queue in front of the hold: a caller with one call in hand never waits behind another account's hundred. */
export function openQueue<Turn extends Waited>(source: Source<Turn>, bounds: Bounds): Queue<Turn> {
  const { longestMs, mostWaiting } = bounds
  /** The first lane has the next turn, and then goes to the end. */
  const lanes = new Map<string, Set<Waiter<Turn>>>()
  const listeners: ((waitedMs: number) => void)[] = []
  let waiting = 0
  let timer: NodeJS.Timeout | undefined
  let serving = false
  let room = false
  let closed = false

  function turn(caller: Caller, before?: () => Promise<void>): Turn | Promise<Turn> {
    if (waiting > 0) return wait(caller, before)
    const got = source.take()
    if (got instanceof Promise) return got.then((shared) => given(shared) ?? wait(caller, before))
    return given(got) ?? wait(caller, before)
  }

  function given(got: Turn | number): Turn | undefined {
    if (typeof got === 'number') return undefined
    tell(0)
    return got
  }

  async function wait(caller: Caller, before: (() => Promise<void>) | undefined): Promise<Turn> {
    refuseInVain(caller.lane)
    await before?.()
    // Others may have come while that was asked.
    refuseInVain(caller.lane)
    if (estimateMs(caller.lane) > longestMs) throw busy(caller.lane)
    return new Promise((resolve, reject) => {
      const sinceMs = performance.now()
      const late = setTimeout(() => leave(waiter, source.inVain(0) ?? busy(caller.lane)), longestMs)
      const waiter: Waiter<Turn> = {
        ...{ lane: caller.lane, sinceMs },
        done(got) {
          clearTimeout(late)
          if (got instanceof Error) return reject(got)
          tell(performance.now() - sinceMs)
          resolve(got)
        },
      }
      enter(waiter)
      caller.onLeave(() => leave(waiter, new LeftQueue()))
      serve()
    })
  }

  function refuseInVain(lane: string): void {
    if (closed) throw new Problem('shutting_down')
    const problem = source.inVain(longestMs)
    if (problem) throw problem
    if (waiting >= mostWaiting) throw busy(lane)
  }

  function busy(lane: string): Problem {
    return new Problem('busy', {
      sentence: 'Too many calls wait for the upstream.',
      retryAfterSeconds: estimateMs(lane) / 1000,
      details: { waiting },
    })
  }

  /** How long a newcomer in that lane would wait: each lane has its turn before the lane has its next one. */
  function estimateMs(lane: string): number {
    const place = (lanes.get(lane)?.size ?? 0) + 1
    let ahead = place
    for (const [name, waiters] of lanes) if (name !== lane) ahead += Math.min(waiters.size, place)
    return ahead * source.spacingMs()
  }

  function enter(waiter: Waiter<Turn>): void {
    const lane = lanes.get(waiter.lane)
    if (lane) lane.add(waiter)
    else lanes.set(waiter.lane, new Set([waiter]))
    waiting++
  }

  function remove(waiter: Waiter<Turn>): boolean {
    const lane = lanes.get(waiter.lane)
    if (!lane?.delete(waiter)) return false
    if (lane.size === 0) lanes.delete(waiter.lane)
    waiting--
    return true
  }

  function leave(waiter: Waiter<Turn>, why: Error): void {
    if (remove(waiter)) waiter.done(why)
  }

  /** The first waiter of the first lane, which then goes behind all others. */
  function next(): Waiter<Turn> | undefined {
    for (const [name, lane] of lanes)
      for (const waiter of lane) {
        remove(waiter)
        if (lane.size > 0) {
          lanes.delete(name)
          lanes.set(name, lane)
        }
        return waiter
      }
    return undefined
  }

  function serve(): void {
    room = true
    if (!serving) serveAll()
  }

  async function serveAll(): Promise<void> {
    serving = true
    while (room && waiting > 0) {
      // There may be word of more room while the source is asked.
      room = false
      const asked = source.take()
      const got = asked instanceof Promise ? await asked : asked
      if (typeof got === 'number') rest(got)
      else {
        room = true
        hand(got)
      }
    }
    serving = false
  }

  function rest(ms: number): void {
    refuseHopeless()
    clearTimeout(timer)
    if (ms !== Number.POSITIVE_INFINITY && waiting > 0) timer = setTimeout(serve, Math.ceil(ms))
  }

  function hand(turn: Turn): void {
    const waiter = next()
    if (waiter) waiter.done(turn)
    else turn.giveBack()
  }

  function refuseHopeless(): void {
    if (!source.inVain(0)) return
    const nowMs = performance.now()
    for (const lane of lanes.values())
      for (const waiter of lane) {
        const problem = source.inVain(waiter.sinceMs + longestMs - nowMs)
        if (problem) leave(waiter, problem)
      }
  }

  function tell(waitedMs: number): void {
    for (const listener of listeners) listener(waitedMs)
  }

  function view(): QueueView {
    let sinceMs = Number.POSITIVE_INFINITY
    for (const lane of lanes.values()) for (const waiter of lane) sinceMs = Math.min(sinceMs, waiter.sinceMs)
    return { waiting, lanes: lanes.size, oldestWaitMs: waiting === 0 ? 0 : performance.now() - sinceMs }
  }

  function close(): void {
    closed = true
    clearTimeout(timer)
    for (const lane of lanes.values()) for (const waiter of lane) leave(waiter, new Problem('shutting_down'))
  }

  source.onRoom(() => waiting > 0 && serve())
  return { turn, view, onTurn: (listener) => void listeners.push(listener), close }
}
