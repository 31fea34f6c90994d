import { Problem } from '../errors.ts'
import type { Token, TokenChange, TokenState, TokenView } from './tokens.ts'

/** A token for one exchange; ends with exactly one of its verbs. */
export type Turn = {
  readonly token: Token
  /** The exchange is over. */
  done(): void
  /** Nothing was sent. */
  giveBack(): void
}

/** Whether a call can be sent now, and if not, how long until the first token is back. */
export type Outlook = { readonly state: 'ready' | 'cooling' | 'none'; readonly waitMs: number }

/** As the room of limits offers it. */
type Pace = {
  waitMs(id: string): number
  take(id: string): boolean | Promise<boolean>
  giveBack(id: string): void
  spacingMs(): number
}

export type TurnRules = {
  /** When calls may begin. */
  readonly pace: Pace
  /** When they may leave: what began evenly may have come together while it was held. */
  readonly departures: { reserve(id: string): number }
  /** Most calls in flight per token; 0 is no bound. */
  readonly concurrency: number
  /** Most calls in flight with all tokens together: one for each connection, so that none waits behind another. */
  readonly mostInFlight: number
  /** False for the sandbox, whose faults are asked for and say nothing about its token. */
  readonly rest: boolean
}

type Seat = Token & {
  state: TokenState
  until: number
  /** Whether another replica set it aside, which then tells when it is back. */
  learnt: boolean
  inFlight: number
  /** How much of its share it has had; who has had least comes first among equally busy ones. */
  share: number
  failures: number
}

export type Turns = ReturnType<typeof openTurns>

/** So many failures in a row let a token rest, as long as another one works. */
const mostFailures = 10
const restMs = 30_000
/** How often it is worth looking again where the end of a wait cannot be known. */
const lookMs = 20

const noToken: ReadonlySet<string> = new Set()

/** Who gets the next call: the least busy token that may be used, measured by its weight. */
export function openTurns(tokens: readonly Token[], rules: TurnRules) {
  const { pace, departures, concurrency, mostInFlight, rest } = rules
  const seats: readonly Seat[] = tokens.map(seatOf)
  const rooms: (() => void)[] = []
  const listeners: ((change: TokenChange) => void)[] = []
  let inFlight = 0
  let busyMs = 0

  /**
   * A turn of the best token that was not tried yet, or milliseconds until one may be free; infinite until there is
   * room, which `onRoom` tells.
   */
  function take(tried: ReadonlySet<string> = noToken): Turn | number | Promise<Turn | number> {
    if (inFlight >= mostInFlight) return Number.POSITIVE_INFINITY
    const usable = candidates(tried)
    const seat = best(usable)
    if (!seat) return soonest(usable)
    const taken = pace.take(seat.id)
    if (taken === true) return sit(seat)
    return taken === false ? take(tried) : shared(taken, seat, tried)
  }

  /** Counted as in flight while others are asked, so that the bounds hold meanwhile. */
  async function shared(asked: Promise<boolean>, seat: Seat, tried: ReadonlySet<string>): Promise<Turn | number> {
    enter(seat)
    const taken = await asked
    leave(seat)
    return taken ? sit(seat) : take(tried)
  }

  function candidates(tried: ReadonlySet<string>): Seat[] {
    const left = seats.filter((seat) => !tried.has(seat.id))
    const active = left.filter((seat) => stateOf(seat) === 'active')
    // A token that rests is better than none.
    return active.length > 0 ? active : left.filter((seat) => stateOf(seat) === 'resting')
  }

  function best(usable: readonly Seat[]): Seat | undefined {
    let found: Seat | undefined
    for (const seat of usable) {
      if (isFull(seat) || pace.waitMs(seat.id) > 0) continue
      if (!found || isBefore(seat, found)) found = seat
    }
    return found
  }

  function seatOfId(id: string): Seat | undefined {
    return seats.find((seat) => seat.id === id)
  }

  function isFull(seat: Seat): boolean {
    return concurrency > 0 && seat.inFlight >= concurrency
  }

  function soonest(usable: readonly Seat[]): number {
    const free = usable.filter((seat) => !isFull(seat))
    if (free.length > 0) return Math.max(1, Math.min(...free.map(({ id }) => pace.waitMs(id))))
    return usable.length > 0 ? Number.POSITIVE_INFINITY : back('cooling')
  }

  /** Milliseconds until the first token of that state is back. */
  function back(state: TokenState): number {
    const waits = seats.filter((seat) => stateOf(seat) === state).map(leftMs)
    return waits.length > 0 ? Math.max(1, Math.min(...waits)) : Number.POSITIVE_INFINITY
  }

  function sit(seat: Seat): Turn {
    enter(seat)
    seat.share += 1 / seat.weight
    const sinceMs = performance.now()
    let open = true
    const end = (): boolean => {
      if (!open) return false
      open = false
      leave(seat)
      return true
    }
    return {
      token: seat,
      done() {
        if (end()) busyMs = 0.9 * busyMs + 0.1 * (performance.now() - sinceMs)
      },
      giveBack() {
        pace.giveBack(seat.id)
        end()
      },
    }
  }

  function enter(seat: Seat): void {
    inFlight++
    seat.inFlight++
  }

  function leave(seat: Seat): void {
    inFlight--
    seat.inFlight--
    for (const work of rooms) work()
  }

  /** A turn of a token not tried yet, waited for where one is only busy; undefined when there is none in time. */
  async function another(tried: ReadonlySet<string>, withinMs: number): Promise<Turn | undefined> {
    const untilMs = performance.now() + withinMs
    while (candidates(tried).length > 0 && performance.now() < untilMs) {
      const got = await take(tried)
      if (typeof got !== 'number') return got
      await new Promise((wake) => setTimeout(wake, Math.min(got, lookMs)))
    }
    return undefined
  }

  /** Resolves when a request may be sent with this token; undefined when that is now. */
  function depart({ id }: Token): undefined | Promise<void> {
    const ms = departures.reserve(id)
    return ms === 0 ? undefined : new Promise((wake) => setTimeout(wake, Math.ceil(ms)))
  }

  function isUsable({ id }: Token): boolean {
    const seat = seatOfId(id)
    return seat !== undefined && ['active', 'resting'].includes(stateOf(seat))
  }

  /** A turn of that very token whatever its state, in its pace; undefined when there is no such token, or none in time. */
  async function only(id: string, withinMs = 60_000): Promise<Turn | undefined> {
    const seat = seatOfId(id)
    const untilMs = performance.now() + withinMs
    while (seat && performance.now() < untilMs) {
      if (pace.waitMs(id) === 0 && (await pace.take(id))) return sit(seat)
      await new Promise((wake) => setTimeout(wake, lookMs))
    }
    return undefined
  }

  /** Takes a token out of the turn: for so many milliseconds, or until it is brought back. */
  function setAside({ id }: Token, state: Exclude<TokenState, 'active'>, reason: string, ms = 0): void {
    if (rest) change(id, state, ms, reason, false)
  }

  /** Counts an exchange: many failures in a row let a token rest while another one works. */
  function heard({ id }: Token, failed: boolean): void {
    const seat = seatOfId(id)
    if (!seat || !rest) return
    seat.failures = failed ? seat.failures + 1 : 0
    if (seat.failures < mostFailures) return
    const others = seats.some((other) => other !== seat && stateOf(other) === 'active' && other.failures < mostFailures)
    if (!others || stateOf(seat) !== 'active') return
    // The first call after the rest decides whether it rests again.
    seat.failures = mostFailures - 1
    change(id, 'resting', restMs, 'upstream_failures', false)
  }

  /** Puts a token back into the turn at once; false when there is no such token. */
  function resume(id: string, reason = 'resumed'): boolean {
    return change(id, 'active', 0, reason, false)
  }

  /** Takes over what another replica found out. */
  function learn(id: string, state: TokenState, ms: number): void {
    change(id, state, ms, 'learnt', true)
  }

  function change(id: string, to: TokenState, ms: number, reason: string, learnt: boolean): boolean {
    const seat = seatOfId(id)
    if (!seat) return false
    const from = stateOf(seat)
    seat.state = to
    seat.learnt = learnt
    seat.until = ms > 0 ? performance.now() + ms : Number.POSITIVE_INFINITY
    if (to === 'active') catchUp(seat)
    for (const work of rooms) work()
    const told = { ...{ id, hint: seat.hint, from, to, reason, learnt }, leftMs: leftMs(seat) }
    if (from !== to) for (const listener of listeners) listener(told)
    return true
  }

  /** Who was away has no claim to the calls that others took meanwhile. */
  function catchUp(seat: Seat): void {
    const others = seats.filter((other) => other !== seat && other.state === 'active')
    if (others.length > 0) seat.share = Math.max(seat.share, Math.min(...others.map(({ share }) => share)))
    seat.failures = Math.min(seat.failures, mostFailures - 1)
  }

  function stateOf(seat: Seat): TokenState {
    if (seat.state !== 'active' && seat.until <= performance.now()) {
      const from = seat.state
      seat.state = 'active'
      catchUp(seat)
      const { id, hint } = seat
      const told = { id, hint, from, to: 'active', leftMs: 0, reason: 'time_over', learnt: seat.learnt } as const
      for (const listener of listeners) listener(told)
    }
    return seat.state
  }

  function outlook(): Outlook {
    if (candidates(noToken).length > 0) return { state: 'ready', waitMs: 0 }
    const waitMs = back('cooling')
    return waitMs === Number.POSITIVE_INFINITY ? { state: 'none', waitMs: 60_000 } : { state: 'cooling', waitMs }
  }

  /** Why waiting at most so long for a token is in vain, or undefined. */
  function inVain(withinMs: number): Problem | undefined {
    const { state, waitMs } = outlook()
    if (state === 'ready' || (state === 'cooling' && waitMs <= withinMs)) return undefined
    const code = state === 'cooling' ? 'rate_limit_exceeded' : 'upstream_unavailable'
    return new Problem(code, { retryAfterSeconds: waitMs / 1000 })
  }

  /** About how many milliseconds lie between two turns when all tokens are busy. */
  function spacingMs(): number {
    const active = Math.max(1, candidates(noToken).length)
    const most = concurrency > 0 ? Math.min(concurrency * active, mostInFlight) : mostInFlight
    return Math.max(pace.spacingMs() / active, busyMs / most)
  }

  function list(): TokenView[] {
    return seats.map((seat) => {
      const { id, hint, weight } = seat
      return { id, hint, weight, state: stateOf(seat), untilMs: leftMs(seat), inFlight: seat.inFlight }
    })
  }

  return {
    ...{ take, another, only, depart, isUsable, setAside, heard, resume, learn, outlook, inVain, spacingMs, list },
    onRoom: (work: () => void) => void rooms.push(work),
    onChange: (listener: (change: TokenChange) => void) => void listeners.push(listener),
  }
}

function seatOf(token: Token): Seat {
  return { ...token, state: 'active', until: 0, learnt: false, inFlight: 0, share: 0, failures: 0 }
}

function isBefore(one: Seat, other: Seat): boolean {
  const busier = one.inFlight / one.weight - other.inFlight / other.weight
  return busier === 0 ? one.share < other.share : busier < 0
}

function leftMs({ state, until }: Seat): number {
  if (state === 'active' || until === Number.POSITIVE_INFINITY) return 0
  return Math.max(0, until - performance.now())
}
