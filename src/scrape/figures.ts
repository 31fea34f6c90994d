import { Registry } from 'prom-client'
import type { Metrics, Tally } from '../metrics.ts'
import type { HouseFigures } from './house-figures.ts'
import { processMetrics } from './process.ts'
import { counter, gauge, histogram, type Sample } from './told.ts'

const tokenStates = ['active', 'cooling', 'empty', 'revoked', 'resting'] as const

export type Sources = {
  readonly metrics: Metrics
  /** Figures of the database, and whether they are older than they should be. */
  readonly house: () => Promise<HouseFigures>
  readonly tokens: () => readonly { readonly id: string; readonly state: string; readonly inFlight: number }[]
  readonly queue: () => { readonly waiting: number; readonly lanes: number; readonly oldestWaitMs: number }
  readonly bytes: { readonly inFlight: number; readonly limitBytes: number }
  /** Undefined when nothing is shared. */
  readonly redis: { readonly state: 'up' | 'down'; readonly losses: number } | undefined
  readonly droppedLines: () => number
  readonly deadlineMs: number
  readonly version: string
}

/** Everything `/metrics` tells: of this process, of its queue and tokens, and of the house's database. */
export function openFigures(sources: Sources) {
  const registry = new Registry()
  let read = sources.metrics.read()
  let house: HouseFigures = { stale: true }
  const about = (name: string, help: string) => ({ name: `tollgate_${name}`, help, registers: [registry] })
  const number = (name: string, help: string, ask: () => number | undefined): void =>
    gauge(about(name, help), [], () => {
      const value = ask()
      return value === undefined ? [] : [[{}, value]]
    })
  const total = (name: string, help: string, ask: () => number): void =>
    counter(about(name, help), [], () => [[{}, ask()]])

  calls(about, () => read.tallies)
  total('holds_recovered_total', 'Holds of dead processes that this process released.', () => read.recovered)
  counter(about('client_faults_total', 'Callers who left, stalled or sent what cannot be read.'), ['act'], () =>
    [...read.clientActs.entries()].map(([act, count]): Sample<'act'> => [{ act }, count]),
  )
  number('calls_in_flight', 'Requests at paid routes between their first byte and their end.', () => read.inFlight)
  number('bytes_in_flight', 'Request and answer bytes held in memory.', () => sources.bytes.inFlight)
  number('bytes_in_flight_limit', 'Setting BYTES_IN_FLIGHT_LIMIT.', () => sources.bytes.limitBytes)
  histogram(about('queue_wait_seconds', 'How long calls waited in the fair queue for their turn.'), [], () => [
    [{}, read.queueSeconds],
  ])
  number('queue_waiting', 'Calls waiting in the fair queue.', () => sources.queue().waiting)
  number('queue_lanes', 'Accounts with a call waiting in the fair queue.', () => sources.queue().lanes)
  number('queue_oldest_wait_seconds', 'How long the oldest waiting call has waited.', () => {
    return sources.queue().oldestWaitMs / 1000
  })
  tokens(about, sources.tokens)
  if (sources.redis) shared(about, sources.redis)
  total('log_lines_dropped_total', 'Log lines given up because nobody read them.', sources.droppedLines)
  number('upstream_deadline_seconds', 'Setting UPSTREAM_DEADLINE_MS.', () => sources.deadlineMs / 1000)
  gauge(about('build_info', 'Always 1; the version is in the label.'), ['version'], () => [
    [{ version: sources.version }, 1],
  ])
  number('metrics_stale', '1 while figures of the database could not be read anew.', () => Number(house.stale))
  ofHouse(about, number, () => house)

  return async (): Promise<{ type: string; text: string }> => {
    house = await sources.house()
    read = sources.metrics.read()
    const texts = await Promise.all([registry.metrics(), processMetrics().metrics()])
    return { type: registry.contentType, text: texts.join('\n') }
  }
}

type Naming = (name: string, help: string) => { name: string; help: string; registers: Registry[] }

function calls(about: Naming, tallies: () => readonly Tally[]): void {
  const labels = ['offer', 'mode'] as const
  const of = ({ offer, mode }: Tally) => ({ offer, mode })
  const sold = () => tallies().filter(({ mode }) => mode !== 'none')
  counter(about('calls_total', 'Calls by what became of them.'), [...labels, 'outcome'], () =>
    tallies().flatMap((tally) =>
      [...tally.outcomes.entries()].map(([outcome, count]) => [{ ...of(tally), outcome }, count] as const),
    ),
  )
  counter(about('calls_refused_total', 'Calls refused before anything was held.'), [...labels, 'name'], () =>
    tallies().flatMap((tally) =>
      [...tally.refusals.entries()].map(([name, n]) => [{ ...of(tally), name }, n] as const),
    ),
  )
  counter(
    about('upstream_may_bill_total', 'Calls that cost the caller nothing and that the upstream may have billed.'),
    [...labels, 'outcome'],
    () => sold().flatMap((t) => [...t.mayBill.entries()].map(([outcome, n]) => [{ ...of(t), outcome }, n] as const)),
  )
  counter(
    about('upstream_answers_total', 'Answers of the upstream by status, one per attempt; none where no head came.'),
    [...labels, 'status'],
    () => sold().flatMap((t) => [...t.statuses.entries()].map(([status, n]) => [{ ...of(t), status }, n] as const)),
  )
  counter(about('credits_charged_total', 'Credits settled.'), labels, () =>
    sold().map((tally) => [of(tally), tally.chargedMillionths / 1_000_000] as const),
  )
  histogram(about('call_duration_seconds', 'From the first byte to the end, of calls that were held.'), labels, () =>
    sold().map((tally) => [of(tally), tally.callSeconds] as const),
  )
  histogram(about('upstream_duration_seconds', 'What the upstream took, all tries of a call together.'), labels, () =>
    sold().map((tally) => [of(tally), tally.upstreamSeconds] as const),
  )
}

function tokens(about: Naming, list: Sources['tokens']): void {
  gauge(about('token_state', '1 for the state a token is in, 0 for the others.'), ['token', 'state'], () =>
    list().flatMap(({ id, state }) =>
      tokenStates.map((each) => [{ token: id, state: each }, Number(each === state)] as const),
    ),
  )
  gauge(about('token_calls_in_flight', 'Calls at the upstream by token.'), ['token'], () =>
    list().map(({ id, inFlight }) => [{ token: id }, inFlight] as const),
  )
}

function shared(about: Naming, redis: NonNullable<Sources['redis']>): void {
  gauge(about('redis_up', 'Whether rates, slots and pace are shared at present.'), [], () => [
    [{}, Number(redis.state === 'up')],
  ])
  counter(about('redis_losses_total', 'How often Redis went away.'), [], () => [[{}, redis.losses]])
}

type Numbering = (name: string, help: string, ask: () => number | undefined) => void

function ofHouse(about: Naming, number: Numbering, house: () => HouseFigures): void {
  const balances = () => house().balances ?? []
  number('holds_open', 'House: open holds.', () => house().holds?.open)
  number('hold_oldest_seconds', 'House: age of the oldest open hold, 0 without one.', () => {
    return house().holds?.oldestSeconds
  })
  number('ledger_imbalance_credits', 'House: credits the ledger cannot explain; always 0.', () => {
    return house().proof?.imbalance
  })
  number('ledger_proved_timestamp_seconds', 'House: when the ledger was last recomputed whole.', () => {
    return house().proof?.atSeconds
  })
  gauge(about('token_balance_credits', "House: the upstream's own balance when last asked."), ['token'], () =>
    balances().map(({ token, credits }) => [{ token }, credits] as const),
  )
  gauge(about('token_balance_timestamp_seconds', 'House: when that balance was asked.'), ['token'], () =>
    balances().map(({ token, atSeconds }) => [{ token }, atSeconds] as const),
  )
}
