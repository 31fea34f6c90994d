/**
 * Tollgate beside other gateways: direct to the stand-in, nginx `proxy_pass`, `@fastify/http-proxy`, Portkey's gateway,
 * Tollgate on SQLite and on PostgreSQL, in interleaved rounds of one run. Where the machine allows, the load, the
 * stand-in and the database run on one core and the process under test on another.
 *
 * npm run bench                              about 40 minutes; `npm run bench:peers` and nginx (Debian: nginx-light) first
 * npm run bench -- --quick                   a look at W1 in a minute
 * npm run bench -- --only sqlite,http-proxy,direct --workloads W2 --flights 1,64 --rounds 7 --seconds 6
 *
 * W1: a 600-byte form in, a small JSON answer out. W2: the same in, a 1.5 MB picture out. W3: a 5 MB form in, a small
 * answer out; its largest crowd is 64, since 512 such forms would fill the memory of any of them.
 * Prints one table for each workload and number in flight, medians with the least and the most of all rounds, and the
 * goals. Processor time is that of the process under test with its threads and children, as the kernel tells it; the peak
 * is of resident memory. A round with a wrong answer, with an answer the stand-in did not give, or after which the books
 * do not balance, is void. Exit code 1 when Tollgate had such a round.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type PostgresServer, startServer } from '../support/postgres.ts'
import { type Cell, cellName, cellTable, goalsTable, type Measured, peersNotSeen } from './compare-figures.ts'
import { missingPeers, type Place, starters, type Target, type TargetName, targetNames } from './compare-targets.ts'
import { type Load, startLoad, startUpstream, type Upstream } from './crew.ts'
import type { Count, Order } from './load.ts'
import { type Cores, coresToPin, machineFacts, pinSelf } from './machine.ts'
import { answerBody, workloads } from './parcels.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    /** Targets, by any part of their names. */
    only: { type: 'string' },
    workloads: { type: 'string' },
    flights: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})

const mostRounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const countMs = Number(values.seconds ?? (values.quick ? 1 : 4)) * 1000
// Node goes on compiling what is called often for many seconds.
const firstWarmMs = values.quick ? 1000 : 10_000
const warmMs = values.quick ? 250 : 500
const only = values.only?.toLowerCase().split(',')
const chosen = targetNames.filter((name) => !only || only.some((word) => name.toLowerCase().includes(word)))
/** So many at least while a target gets warm, so that its code is compiled in the end. */
const leastWarmFlight = 16
const pacedMs = 2

let failed = false

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

function cells(): Cell[] {
  const names = values.workloads?.split(',') ?? (values.quick ? ['W1'] : workloads.map(({ name }) => name))
  return workloads
    .filter(({ name }) => names.includes(name))
    .flatMap((workload) => {
      const usual = values.quick ? [64] : workload.name === 'W3' ? [1, 16, 64] : [1, 64, 512]
      const flights = values.flights?.split(',').map(Number) ?? usual
      const plain = flights.map((inFlight): Cell => ({ workload, inFlight, paceMs: 0 }))
      const paced: Cell[] = workload.name === 'W1' && !values.quick ? [{ workload, inFlight: 1, paceMs: pacedMs }] : []
      return [...plain, ...paced]
    })
}

type Bench = {
  readonly cell: Cell
  readonly targets: Set<Target>
  readonly upstream: Upstream
  readonly load: Load
  readonly notes: string[]
}

type Run = Pick<Place, 'postgres'> & {
  readonly names: readonly TargetName[]
  readonly load: Load
  readonly cores: Cores | undefined
}

/** Starts everything anew for a cell, so that no memory of another one is left in any process. */
async function measure(cell: Cell, { load, ...run }: Run, folder: string): Promise<Measured> {
  const upstream = await startUpstream(cell.workload.answer, run.cores?.load)
  const bench = { cell, upstream, load, targets: new Set<Target>(), notes: [] as string[] }
  const rounds: Map<TargetName, Count>[] = []
  const all = await startAll(run, bench, folder)
  try {
    for (const target of all) await warm(target, bench)
    for (let round = 1; round <= mostRounds; round++) rounds.push(await oneRound(round, bench))
  } finally {
    for (const target of all) await target.close().catch((error) => complain(target, String(error), bench.notes))
    await upstream.close()
  }
  return { cell, rounds, notes: bench.notes }
}

async function startAll({ names, cores, postgres }: Omit<Run, 'load'>, bench: Bench, folder: string) {
  const place = { upstreamPort: bench.upstream.port, core: cores?.tested, postgres }
  for (const [index, name] of names.entries()) {
    try {
      bench.targets.add(await starters[name]({ ...place, folder: join(folder, String(index)) }))
    } catch (error) {
      bench.notes.push(`${name}: not measured: ${String(error)}`)
      failed ||= isOurs(name)
    }
  }
  return [...bench.targets]
}

const isOurs = (name: TargetName) => name.startsWith('Tollgate')

function orderFor({ port, path, headers, pid }: Target, { workload, inFlight, paceMs }: Cell): Order {
  const { formBytes, answer, accept } = workload
  const sent = { path, headers: { ...headers, accept }, formBytes, answerBytes: answerBody(answer).length }
  return { port, ...sent, inFlight, paceMs, warmMs, countMs, leastCalls: 2 * inFlight, pid }
}

/** A target that cannot do the work of a cell at all is left out of it. */
async function warm(target: Target, { cell, targets, load, notes }: Bench): Promise<void> {
  const inFlight = Math.max(cell.inFlight, leastWarmFlight)
  const order = {
    ...orderFor(target, cell),
    inFlight,
    paceMs: 0,
    warmMs: 0,
    countMs: firstWarmMs,
    leastCalls: inFlight,
  }
  const count = await load.run(order).catch(String)
  const why = typeof count === 'string' ? count : unfitFor(inFlight, count)
  if (why === undefined) return
  targets.delete(target)
  complain(target, `not measured: ${why}`, notes)
}

function unfitFor(inFlight: number, { calls, seconds, wrong, fault }: Count): string | undefined {
  if (wrong > 0) return `${wrong} wrong answers, the first: ${fault}`
  return calls < inFlight ? `${calls} calls in ${seconds.toFixed(0)} s are too few to count` : undefined
}

function complain({ name, trouble }: Target, sentence: string, notes: string[]): void {
  notes.push(`${name}: ${sentence}`)
  if (!isOurs(name)) return
  failed = true
  process.stderr.write(`${name}: ${trouble() ?? 'no error in its log'}\n`)
}

async function oneRound(round: number, bench: Bench): Promise<Map<TargetName, Count>> {
  const found = new Map<TargetName, Count>()
  for (const target of bench.targets) {
    const before = (await bench.upstream.tally()).requests
    const count = await bench.load.run(orderFor(target, bench.cell)).catch(String)
    const asked = (await bench.upstream.tally()).requests - before
    const why = faultOf(count, asked) ?? (await target.check().then(() => undefined, String))
    if (why === undefined && typeof count !== 'string') found.set(target.name, count)
    else complain(target, `round ${round} is void: ${why}`, bench.notes)
  }
  return found
}

function faultOf(count: Count | string, asked: number): string | undefined {
  if (typeof count === 'string') return count
  const { calls, statuses, wrong, fault } = count
  if (wrong > 0) return `${wrong} wrong answers, the first: ${fault}`
  const answers = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  if (answers !== asked) return `${answers} answers, but the stand-in gave ${asked}`
  return calls === 0 ? 'no call ended in time' : undefined
}

async function main(): Promise<void> {
  const missing = missingPeers(chosen)
  const names = chosen.filter((name) => !missing.has(name))
  const facts = machineFacts()
  const cores = coresToPin()
  if (cores) pinSelf(cores.load)
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'))
  let server: Promise<PostgresServer> | undefined
  const postgres = () => {
    server ??= startServer(true)
    return server
  }
  const load = await startLoad(cores?.load)
  const run = { names, load, cores, postgres }
  const all: Measured[] = []
  tell(`${facts}\n${pinning(cores)}`)
  tell(`${mostRounds} rounds of ${countMs / 1000} s; figures are medians (least..most). Tollgate logs to a file.\n`)
  try {
    for (const [index, cell] of cells().entries()) {
      process.stderr.write(`${cellName(cell)}\n`)
      const measured = await measure(cell, run, mkdtempSync(join(folder, `${index}-`)))
      tell(`${cellTable(measured)}\n`)
      all.push(measured)
    }
  } finally {
    await load.close()
    await (await server)?.close()
    rmSync(folder, { recursive: true })
  }
  tell(`### Goals\n\n${goalsTable(all)}\n`)
  for (const line of missing.values()) tell(line)
  const unseen = peersNotSeen(all)
  if (unseen.length > 0) tell(`These figures do not count: without ${unseen.join(' and ')}.`)
  tell(
    failed
      ? 'Tollgate had void rounds, see above.'
      : 'Every answer was right, and the books balanced after each round.',
  )
}

function pinning(cores: Cores | undefined): string {
  if (!cores) return 'No process is bound to a core: this machine has one only, or no taskset.'
  return `Core ${cores.load}: load, stand-in, PostgreSQL. Core ${cores.tested}: the process under test.`
}

await main()
process.exitCode = failed ? 1 : 0
