/**
 * What paid calls leave to Node's collector: bytes that a call makes, and those of them that outlive the collections of
 * young objects and stay until Node goes through all it has in memory. One weak map with a row for each request, or one
 * Set that requests come to and leave, and all of every call stays.
 * node test/bench/garbage.ts [--seconds 10]                                 (about a minute)
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { orderFor, startTollgate } from './compare-tollgate.ts'
import { type Load, startLoad, startUpstream } from './crew.ts'
import type { Garbage } from './garbage-watch.ts'
import { coresToPin, machineFacts, pinSelf } from './machine.ts'
import { type Workload, workloads } from './parcels.ts'
import { tableText } from './spread.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } })
const countMs = Number(values.seconds) * 1000
const warmMs = 5000
/** Kept bytes of a call. */
const budget = 1000
const watch = fileURLToPath(new URL('garbage-watch.ts', import.meta.url))
const titles = ['workload', 'in flight', 'calls', 'made, KB', 'kept, bytes', 'pauses, us', 'full collections', '']

async function told(file: string): Promise<Garbage> {
  for (let tries = 500; !existsSync(file); tries--) {
    if (tries === 0) throw new Error('the house tells nothing of its garbage')
    await new Promise((wake) => setTimeout(wake, 10))
  }
  return JSON.parse(readFileSync(file, 'utf8')) as Garbage
}

async function measured(folder: string, workload: Workload, inFlight: number, load: Load): Promise<string[]> {
  const cores = coresToPin()
  const upstream = await startUpstream(workload.answer, cores?.load)
  const file = join(folder, `${workload.name}-${inFlight}.json`)
  const env = { NODE_OPTIONS: `--import ${watch}`, GARBAGE_FILE: file }
  const wish = { upstreamPort: upstream.port, core: cores?.tested, env }
  const house = await startTollgate(join(folder, `${workload.name}-${inFlight}`), wish)
  const order = orderFor(house, workload, inFlight)
  await load.run({ ...order, warmMs })
  process.kill(house.pid, 'SIGUSR2')
  const { statuses } = await load.run({ ...order, countMs })
  process.kill(house.pid, 'SIGUSR2')
  const { freedBytes, keptBytes, pauseUs, fullCollections } = await told(file)
  await house.close(60_000)
  await upstream.close()
  const calls = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const per = (sum: number, digits = 0) => (sum / calls).toFixed(digits)
  const verdict = keptBytes / calls <= budget ? 'within' : 'over'
  const figures = [per((freedBytes + keptBytes) / 1024), per(keptBytes), per(pauseUs, 1), String(fullCollections)]
  return [workload.name, String(inFlight), String(calls), ...figures, verdict]
}

async function main(): Promise<void> {
  process.stdout.write(`${machineFacts()}\n`)
  const cores = coresToPin()
  if (cores) pinSelf(cores.load)
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-garbage-'))
  const load = await startLoad(cores?.load)
  const rows: string[][] = []
  try {
    for (const workload of workloads) rows.push(await measured(folder, workload, 16, load))
  } finally {
    await load.close()
    rmSync(folder, { recursive: true })
  }
  process.stdout.write(`A call of each workload; kept: at most ${budget} bytes.\n${tableText(titles, rows)}\n`)
}

await main()
