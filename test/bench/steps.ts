/**
 * What each step of a paid call costs alone, beside its budget: a 600-byte form, a small answer, nothing refused.
 * node test/bench/steps.ts [--seconds 2]                                    (about a minute)
 *
 * Prints microseconds of processor time of this process, its threads included, for each step: the median of several
 * tries with the least and the most; and holds and settles per second on each store beside the goal. Steps that wait for
 * others are measured with 64 under way.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openLedger } from '../../src/ledger/ledger.ts'
import { books } from '../../src/ledger/statement.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { startServer } from '../support/postgres.ts'
import { machineFacts } from './machine.ts'
import { buyers, pairsPerSecond } from './pairs.ts'
import { spreadOf, spreadText, tableText } from './spread.ts'
import { openRooms, type Rooms } from './step-rooms.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '2' } } })
const pairSeconds = Number(values.seconds)
const tries = 7
const tryMs = (pairSeconds * 1000) / 10
const inFlight = 64

type Row = readonly [step: string, budget: string, measured: string, verdict: string]

function row(step: string, budgetUs: number | undefined, all: readonly number[]): Row {
  const spread = spreadOf(all)
  const verdict = budgetUs === undefined ? '' : spread.median <= budgetUs ? 'within' : 'over'
  return [step, budgetUs === undefined ? '-' : String(budgetUs), spreadText(spread, 2), verdict]
}

/** Microseconds of one run of work that waits for nothing. */
function alone(work: () => void): number[] {
  let count = 0
  for (const untilMs = performance.now() + 2 * tryMs; performance.now() < untilMs; count++) work()
  // As many at once as fit a try, so that the clock is asked seldom.
  const batch = Math.ceil(count / 2)
  return Array.from({ length: tries }, () => {
    const began = process.cpuUsage()
    for (let left = batch; left > 0; left--) work()
    return spentUs(began) / batch
  })
}

/** Microseconds of one run of work that waits, with so many under way at once. */
async function together(work: () => Promise<unknown>, lanes: number): Promise<number[]> {
  const all: number[] = []
  for (let index = 0; index <= tries; index++) {
    const untilMs = performance.now() + tryMs * 2
    const began = process.cpuUsage()
    let count = 0
    const lane = async () => {
      for (; performance.now() < untilMs; count++) await work()
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    // The first is the warm-up.
    if (index > 0) all.push(spentUs(began) / count)
  }
  return all
}

function spentUs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

async function stepsOf(rooms: Rooms): Promise<Row[]> {
  return [
    row('key: digest and look-up', 2, alone(rooms.enter)),
    row('rate and slots', 20, await together(rooms.rateAndSlots, 1)),
    row(
      'peek, 600 bytes',
      5,
      alone(() => rooms.peek(rooms.smallForm)),
    ),
    row(
      'peek, 5 MB',
      800,
      alone(() => rooms.peek(rooms.largeForm)),
    ),
    row('queue, pace and bytes in flight', 2, alone(rooms.queueAndBytes)),
    row('forward, 64 under way (budget is with Fastify)', 110, await together(rooms.forward, inFlight)),
    row('judge, small JSON', 2, alone(rooms.judgeSmall)),
    row('judge, picture', 2, alone(rooms.judgePicture)),
    row('reply headers and receipt', 3, alone(rooms.reply)),
    row('log line, with metrics and trace', 20 + 3, alone(rooms.logLine)),
    row('metrics alone', 3, alone(rooms.metrics)),
  ]
}

async function pairs(name: string, store: Store, budgetUs: number, goal: number): Promise<Row[]> {
  const ledger = openLedger(store, 'bench')
  const all = await buyers(store, 64, 1)
  const rows: Row[] = []
  await pairsPerSecond(ledger, all, inFlight, false, pairSeconds)
  for (const lanes of [64, 512]) {
    const found: Awaited<ReturnType<typeof pairsPerSecond>>[] = []
    for (let round = 0; round < 3; round++) found.push(await pairsPerSecond(ledger, all, lanes, false, pairSeconds))
    const rate = spreadOf(found.map((each) => each['pairs/s']))
    const text = spreadText(rate, 0)
    const us = found.map((each) => each['cpu us/pair'])
    rows.push(row(`hold and settle, ${name}, ${lanes} under way`, budgetUs, us))
    rows.push([`the same, pairs per second`, `at least ${goal}`, text, rate.median >= goal ? 'holds' : 'does not hold'])
  }
  const { balanced } = await books(store)
  if (!balanced) throw new Error('the books do not balance')
  await store.close()
  return rows
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-steps-'))
  const server = await startServer(true)
  try {
    const rooms = await openRooms(folder)
    const steps = await stepsOf(rooms)
    await rooms.close()
    const sqlite = await openStore({ kind: 'sqlite', path: join(folder, 'pairs.db') })
    const rows = [...steps, ...(await pairs('SQLite', sqlite, 12, 40_000))]
    const postgres = await openStore({ kind: 'postgres', url: await server.database() })
    rows.push(...(await pairs('PostgreSQL', postgres, 30, 15_000)))
    process.stdout.write(`${machineFacts()}\n\n${tableText(['step', 'budget, us', 'measured, us', ''], rows)}\n`)
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
}

await main()
