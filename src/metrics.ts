/** In seconds; the last ones are where the deadlines of an upstream lie. */
const upstreamBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180] as const
const callBounds = [0.005, 0.01, 0.025, ...upstreamBounds, 240] as const
const queueBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30] as const

/** How often values fell between which bounds. */
export class Spread {
  readonly bounds: readonly number[]
  /** One more than there are bounds: what lies beyond the last. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(value: number): void {
    let place = 0
    while (place < this.bounds.length && value > (this.bounds[place] ?? 0)) place++
    this.counts[place] = (this.counts[place] ?? 0) + 1
    this.sum += value
  }
}

/** Numbers by one word out of a bounded set. */
export class Counts<Word extends string = string> {
  readonly #numbers = new Map<Word, number>()

  constructor(words: readonly Word[] = []) {
    for (const word of words) this.#numbers.set(word, 0)
  }

  add(word: Word, count = 1): void {
    this.#numbers.set(word, (this.#numbers.get(word) ?? 0) + count)
  }

  entries(): Iterable<[Word, number]> {
    return this.#numbers.entries()
  }
}

/** `none` for calls refused before their key was known. */
export type Mode = 'live' | 'test' | 'none'

const outcomes = ['succeeded', 'filtered', 'failed', 'unknown', 'refused', 'replayed'] as const
type CallOutcome = (typeof outcomes)[number]

/** What is counted for one offer and one mode. */
export type Tally = {
  readonly offer: string
  readonly mode: Mode
  readonly outcomes: Counts<CallOutcome>
  readonly mayBill: Counts<CallOutcome>
  readonly refusals: Counts
  readonly callSeconds: Spread
  readonly upstreamSeconds: Spread
  /** Statuses of every attempt; `none` where no head was read. */
  readonly statuses: Counts
  chargedMillionths: number
}

/** How one call ended. */
export type CallEnd = {
  readonly offer: string
  readonly mode: 'live' | 'test' | undefined
  readonly outcome: CallOutcome
  /** The code of the Problem it was refused with before anything was held. */
  readonly refusal: string | undefined
  /** What the caller did, where that was no fair play. */
  readonly act: string | undefined
  readonly ms: number
  /** Undefined when nothing was sent upstream. */
  readonly upstream: { readonly ms: number; readonly attempts: readonly { readonly status: number }[] } | undefined
  readonly mayBill: boolean
  readonly chargedMillionths: number
}

export type Metrics = ReturnType<typeof openMetrics>

/**
 * What this process counts as it works. Every verb costs well under a microsecond, which is why the numbers are kept
 * here and handed to a library only when somebody asks.
 */
export function openMetrics() {
  const tallies = new Map<string, Map<Mode, Tally>>()
  const clientActs = new Counts()
  const queueSeconds = new Spread(queueBounds)
  let inFlight = 0
  let recovered = 0

  function tallyOf(offer: string, mode: Mode): Tally {
    return tallies.get(offer)?.get(mode) ?? newTally(offer, mode)
  }

  function newTally(offer: string, mode: Mode): Tally {
    const tally = emptyTally(offer, mode)
    tallies.set(offer, (tallies.get(offer) ?? new Map<Mode, Tally>()).set(mode, tally))
    return tally
  }

  /** Lets the counters of these offers begin at 0: one that begins with its first event hides it from `rate()`. */
  function sells(offers: readonly string[]): void {
    for (const offer of offers) tallyOf(offer, 'live')
  }

  function callBegan(): void {
    inFlight++
  }

  function callEnded({ offer, mode, outcome, refusal, act, ms, ...rest }: CallEnd): void {
    const { upstream, mayBill, chargedMillionths } = rest
    const tally = tallyOf(offer, mode ?? 'none')
    inFlight--
    tally.outcomes.add(outcome)
    if (refusal !== undefined) tally.refusals.add(refusal)
    if (act !== undefined) clientActs.add(act)
    if (mayBill) tally.mayBill.add(outcome)
    if (!upstream) return
    tally.chargedMillionths += chargedMillionths
    tally.callSeconds.add(ms / 1000)
    if (upstream.attempts.length === 0) return
    tally.upstreamSeconds.add(upstream.ms / 1000)
    for (const { status } of upstream.attempts) tally.statuses.add(statusWord(status))
  }

  return {
    sells,
    callBegan,
    callEnded,
    /** A call had its turn after so many milliseconds in the fair queue. */
    turnCame: (waitedMs: number) => queueSeconds.add(waitedMs / 1000),
    /** Holds of a process that died were released; the upstream may bill each. */
    recovered(holds: number) {
      recovered += holds
    },
    read: () => ({
      tallies: [...tallies.values()].flatMap((ofOffer) => [...ofOffer.values()]),
      ...{ clientActs, queueSeconds, inFlight, recovered },
    }),
  }
}

function emptyTally(offer: string, mode: Mode): Tally {
  return {
    ...{ offer, mode, chargedMillionths: 0 },
    outcomes: new Counts(mode === 'none' ? (['refused'] as const) : outcomes),
    mayBill: new Counts(['failed', 'unknown']),
    refusals: new Counts(),
    callSeconds: new Spread(callBounds),
    upstreamSeconds: new Spread(upstreamBounds),
    statuses: new Counts(),
  }
}

const knownStatuses = new Map(
  [200, 400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 504, 529].map((status) => [status, String(status)]),
)

/** The upstream chooses the number, so only those it is known for are told apart from their class. */
function statusWord(status: number): string {
  if (status < 100 || status > 599) return 'none'
  return knownStatuses.get(status) ?? `${Math.floor(status / 100)}xx`
}
