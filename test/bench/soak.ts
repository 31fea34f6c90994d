/**
 * Many paid calls for pictures of 1.5 MB through one house, of which one in twenty meets a fault of the stand-in: an error
 * 500, a reset, half an answer, a filtered picture.
 * node test/bench/soak.ts --calls 100000 --flight 16 [--postgres]      (about four minutes)
 *
 * Prints resident memory, open descriptors and the size of SQLite's write-ahead log over the calls, and then whether each
 * promise holds: memory after the warm-up grows by less than 5 % (a fifth of the calls, in which SQLite fills its cache of
 * 16 MiB), descriptors go back to what they were, the write-ahead log stays bounded, every answer fits what the stand-in
 * did, and exactly the good ones are charged. Exit code 1 if not.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startServer } from '../support/postgres.ts'
import { orderFor, startTollgate, type Tollgate } from './compare-tollgate.ts'
import { type Load, startLoad, startUpstream, type Upstream } from './crew.ts'
import type { Tally } from './light-upstream.ts'
import type { Count, Order } from './load.ts'
import { coresToPin, fileBytes, machineFacts, openDescriptors, pinSelf, residentBytes } from './machine.ts'
import { workloads } from './parcels.ts'
import { tableText } from './spread.ts'

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '100000' },
    flight: { type: 'string', default: '16' },
    postgres: { type: 'boolean', default: false },
  },
})
const calls = Number(values.calls)
const inFlight = Number(values.flight)
const mostGrowth = 1.05
const mostLogBytes = 64 * 1024 ** 2
const price = 3
const samplesMs = 500
const shown = 40

type Sample = {
  readonly calls: number
  readonly residentMb: number
  readonly descriptors: number
  readonly walMb: number
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function sample({ pid, folder }: Tollgate, upstream: Upstream): Promise<Sample> {
  const mb = (bytes: number) => bytes / 1024 ** 2
  const residentMb = mb(residentBytes(pid))
  const walMb = mb(fileBytes(join(folder, 'house.db-wal')))
  return { calls: (await upstream.tally()).requests, residentMb, descriptors: openDescriptors(pid), walMb }
}

function faultyCalls(house: Tollgate, mostCalls: number): Order {
  const workload = workloads.find(({ name }) => name === 'W2')
  if (!workload) throw new Error('no workload')
  return { ...orderFor(house, workload, inFlight), mostCalls, faulty: true }
}

/** All calls, and what was seen beside them. */
async function soaked(house: Tollgate, upstream: Upstream, load: Load): Promise<{ count: Count; series: Sample[] }> {
  const series: Sample[] = []
  let over = false
  const running = load.run(faultyCalls(house, calls)).finally(() => {
    over = true
  })
  while (!over) {
    series.push(await sample(house, upstream))
    await new Promise((wake) => setTimeout(wake, samplesMs))
  }
  return { count: await running, series }
}

/** Waits until connections that nobody uses any more are closed, or for half a minute. */
async function idle(house: Tollgate, atMost: number): Promise<number> {
  for (let tries = 300; ; tries--) {
    const descriptors = openDescriptors(house.pid)
    if (descriptors <= atMost || tries === 0) return descriptors
    await new Promise((wake) => setTimeout(wake, 100))
  }
}

/** By the most of a span, since Node gives memory back for a while whenever there is little to do. */
function growthOf(series: readonly Sample[]): number {
  const most = (from: number, to: number) =>
    Math.max(
      ...series
        .slice(Math.floor(from * series.length), Math.ceil(to * series.length))
        .map(({ residentMb }) => residentMb),
    )
  return most(0.5, 1) / most(0.2, 0.5)
}

function showSeries(series: readonly Sample[]): void {
  const every = Math.max(1, Math.floor(series.length / shown))
  const rows = series.filter((_, index) => index % every === 0)
  const texts = rows.map(({ calls, residentMb, descriptors, walMb }) => {
    return [String(calls), residentMb.toFixed(0), String(descriptors), walMb.toFixed(1)]
  })
  tell(`${tableText(['calls', 'resident MB', 'descriptors', 'write-ahead log MB'], texts)}\n`)
}

/** What the callers must have got for what the stand-in did. */
function expected({ requests, reset, truncated, ...more }: Tally): Record<string, number> {
  const broken = reset + truncated
  return { '200': requests - more['500'] - broken, '500': more['500'], '502': broken }
}

function sumOf(...all: Count['statuses'][]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const statuses of all) {
    for (const [status, count] of Object.entries(statuses)) sum[status] = (sum[status] ?? 0) + count
  }
  return sum
}

async function soak(house: Tollgate, upstream: Upstream, load: Load): Promise<boolean> {
  const restingAtFirst = openDescriptors(house.pid)
  const first = await load.run(faultyCalls(house, 20 * inFlight))
  const resting = await idle(house, restingAtFirst)
  const { count, series } = await soaked(house, upstream, load)
  showSeries(series)
  tell(
    `${count.calls} calls in ${count.seconds.toFixed(0)} s, ${((count.cpuSeconds / count.calls) * 1000).toFixed(2)} ms CPU each`,
  )
  const after = await idle(house, resting)
  const tally = await upstream.tally()
  const statuses = sumOf(first.statuses, count.statuses)
  const wanted = expected(tally)
  const { posted } = await house.balanced()
  const charged = (house.granted - posted) / price
  const growth = growthOf(series)
  const logMb = Math.max(...series.map(({ walMb }) => walMb))
  const said = (found: Record<string, number>) => JSON.stringify(Object.entries(found).sort())
  return [
    promise(
      growth < mostGrowth,
      `resident memory: the most of the second half is ${growth.toFixed(3)} of the most before (less than ${mostGrowth})`,
    ),
    promise(after <= resting, `descriptors: ${after} at rest (${resting} before)`),
    promise(logMb * 1024 ** 2 <= mostLogBytes, `write-ahead log: at most ${logMb.toFixed(1)} MB (64)`),
    promise(said(statuses) === said(wanted), `answers: ${said(statuses)} (${said(wanted)})`),
    promise(charged === wanted['200'], `charged: ${charged} calls (${wanted['200']}), the books balance`),
    promise(count.wrong === 0, `wrong answers: ${count.wrong} ${count.fault ?? ''}`),
  ].every(Boolean)
}

function promise(holds: boolean, sentence: string): boolean {
  tell(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${sentence}`)
  return holds
}

async function main(): Promise<boolean> {
  tell(machineFacts())
  const cores = coresToPin()
  if (cores) pinSelf(cores.load)
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-soak-'))
  const server = values.postgres ? await startServer(true) : undefined
  const upstream = await startUpstream('picture', cores?.load, true)
  const load = await startLoad(cores?.load)
  try {
    const databaseUrl = await server?.database()
    const core = cores?.tested
    const house = await startTollgate(join(folder, 'house'), { upstreamPort: upstream.port, core, databaseUrl })
    const holds = await soak(house, upstream, load)
    return promise((await house.close(60_000)) === 0, 'the house closed with exit code 0') && holds
  } finally {
    await load.close()
    await upstream.close()
    await server?.close()
    rmSync(folder, { recursive: true })
  }
}

process.exitCode = (await main()) ? 0 : 1
