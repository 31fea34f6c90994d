/**
 * A crowd that only wants to be in the way, and one ordinary caller in the middle of it: 256 readers who stand still
 * before an answer of 1.5 MB, 1,000 slow heads and 1,000 slow bodies at once; or 200 uploads of 10 MiB at once, more
 * than BYTES_IN_FLIGHT_LIMIT has room for. Peak memory is that of the house's process.
 * node test/bench/crowd.ts [--answer 6000000] [--announced 10000000] [--bodies]
 *
 * 22 November 2026, two cores of an AMD EPYC with three times the work they can do beside it, Node 26, every limit at
 * its default. Of an answer of 1.5 MB the kernel takes all, so nobody stands still there; of 6 MB it does not, and what
 * is dispatched is never refused, so its answers pass the limit and new calls are busy until their readers are cut.
 *
 * |                                      | 1.5 MB | 6 MB answers | 10 MB announced |
 * |--------------------------------------|--------|--------------|-----------------|
 * | slow heads gone after, seconds       |   11.8 |         14.6 |            11.6 |
 * | slow bodies gone after, seconds      |   31.2 |         32.7 |            29.5 |
 * | readers cut within 36 s              |      0 |          248 |               0 |
 * | ordinary calls served, refused       | 316, 0 |      49, 300 |          325, 0 |
 * | longest wait of one of them, seconds |    1.3 |          3.4 |             2.3 |
 * | memory before and at its peak, MiB   | 207, 708 |  208, 1749 |        209, 638 |
 *
 * With --bodies, of 200 uploads of 10 MiB at once three times over: 51, 56 and 101 served, the others busy; 47 ordinary
 * calls served and none refused; memory 208 MiB before, 851 at its peak: the limit of 512, and 131 that the collector
 * had not yet given back.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Agent } from 'undici'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { millionths } from '../../src/credits.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/open.ts'
import { type Client, formOf, openClient } from '../support/client.ts'
import { gather, slowBody, slowHead, stalledReader } from '../support/crowd.ts'
import { rawCall } from '../support/raw-client.ts'

const mebibyte = 1024 * 1024
const stalledPrompt = 'nobody reads this'
const { values } = parseArgs({
  options: {
    bodies: { type: 'boolean', default: false },
    /** Bytes of the answers that nobody reads. */
    answer: { type: 'string', default: '1500000' },
    /** Bytes that each slow body announces. */
    announced: { type: 'string', default: '65536' },
  },
})

function tell(what: string, figure: string | number): void {
  process.stdout.write(`${what.padEnd(44)} ${figure}\n`)
}

/** An upstream that keeps nothing: a large picture for those who will not read it, a small one for everybody else. */
async function openUpstream(): Promise<{ port: number; close(): void }> {
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const large = Buffer.concat([signature, Buffer.alloc(Number(values.answer))])
  const small = large.subarray(0, 20_000)
  const server = createServer((request, response) => {
    let first: Buffer | undefined
    request.on('data', (bytes: Buffer) => {
      first ??= bytes
    })
    request.on('end', () => {
      response.setHeader('content-type', 'image/png').setHeader('finish-reason', 'SUCCESS')
      response.end(first?.includes(stalledPrompt) ? large : small)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { port: address.port, close }
}

async function keyIn(path: string, credits: number): Promise<string> {
  const store = await openStore({ kind: 'sqlite', path })
  const account = openAccounts(store).creating('a crowd', null)
  const key = openKeys(store, 0).issuing(account.id, { name: 'a crowd' })
  await store.write([...account.unit, ...key.unit])
  await openLedger(store, 'bench').grant({ accountId: account.id, credits: millionths(credits * 1e6), reason: 'bench' })
  await store.close()
  return key.secret
}

type House = { readonly port: number; readonly child: ChildProcess; readonly stalled: () => number }

async function startHouse(path: string, upstreamPort: number): Promise<House> {
  const server = fileURLToPath(new URL('../../src/server.ts', import.meta.url))
  const env = {
    ...{ PATH: process.env['PATH'], PORT: '0', DATABASE_URL: `sqlite:${path}` },
    ...{ UPSTREAM_URL: `http://127.0.0.1:${upstreamPort}`, UPSTREAM_TOKENS: 'sk-one', UPSTREAM_PACE: '100000/10s' },
    ...{ RATE_LIMIT: '1000000/60s', ADMIN_KEY: 'an-operator-key-for-benches-only' },
  }
  const child = spawn(process.execPath, [server], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let heard = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text
  })
  let port: string | undefined
  while (port === undefined) {
    if (child.exitCode !== null) throw new Error(`the house ended: ${heard}`)
    await sleep(20)
    port = /"address":"http:\/\/[^"]+:(\d+)"/.exec(heard)?.[1]
  }
  return { port: Number(port), child, stalled: () => heard.split('"client_slow_download"').length - 1 }
}

function memory(pid: number | undefined, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024)
}

type Ordinary = { readonly waits: readonly number[]; readonly refused: readonly string[]; stop(): Promise<void> }

/** Calls each 100 ms, one after the other. */
function ordinaryCaller(client: Client, secret: string): Ordinary {
  const waits: number[] = []
  const refused: string[] = []
  let on = true
  const calling = (async () => {
    while (on) {
      const began = performance.now()
      const reply = await client.call(secret, { prompt: 'an ordinary call' })
      if (reply.status === 200) waits.push(performance.now() - began)
      else refused.push(`${reply.status} ${reply.json()['name']}`)
      await sleep(100)
    }
  })()
  const stop = async () => {
    on = false
    await calling
  }
  return { waits, refused, stop }
}

function tellOrdinary({ waits, refused }: Ordinary): void {
  tell('ordinary calls served', waits.length)
  tell('ordinary calls refused', refused.length === 0 ? 0 : `${refused.length}, first: ${refused[0]}`)
  tell('longest wait of an ordinary call, ms', Math.round(Math.max(...waits)))
}

async function crowd({ port, stalled }: House, secret: string): Promise<void> {
  const everyMs = 1000
  const readers = await gather(port, 256, stalledReader(secret, formOf({ prompt: stalledPrompt }), everyMs))
  const [heads, bodies] = await Promise.all([
    gather(port, 1000, slowHead(everyMs)),
    gather(port, 1000, slowBody(secret, Number(values.announced), everyMs)),
  ])
  const gone = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  await Promise.all([
    heads.gone.then((ms) => tell('1,000 slow heads gone after', gone(ms))),
    bodies.gone.then((ms) => tell('1,000 slow bodies gone after', gone(ms))),
    sleep(36_000).then(() => tell('readers of 256 cut after 36 s', stalled())),
  ])
  tell('readers whose answer the kernel took whole', readers.left())
  readers.close()
}

/** The status of the reply to one upload; 0 where there was none. */
function upload(port: number, whole: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => resolve(0))
    socket.on('close', () => resolve(0))
    socket.once('data', (bytes: Buffer) => {
      resolve(Number(bytes.toString('latin1', 9, 12)))
      socket.destroy()
    })
    socket.write(whole)
  })
}

async function uploads({ port }: House, secret: string): Promise<void> {
  const body = formOf({ prompt: 'a large call', padding: 'x'.repeat(10 * mebibyte - 300) })
  const { whole } = rawCall(secret, {}, { body })
  for (const round of ['first', 'second', 'third']) {
    const statuses = await Promise.all(Array.from({ length: 200 }, () => upload(port, whole)))
    const tally = Object.entries(Object.groupBy(statuses, String)).map(([status, all]) => `${all?.length} x ${status}`)
    tell(`200 uploads of ${(body.length / mebibyte).toFixed(1)} MiB, ${round} time`, tally.join(', '))
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'))
const upstream = await openUpstream()
const path = join(folder, 'house.db')
const [secret, other] = [await keyIn(path, 1_000_000), await keyIn(path, 1_000_000)]
const house = await startHouse(path, upstream.port)
const agent = new Agent({ connections: 1, pipelining: 1 })
try {
  const client = openClient(`http://127.0.0.1:${house.port}`, agent)
  const ordinary = ordinaryCaller(client, other)
  await sleep(2000)
  tell('memory before, MiB', memory(house.child.pid, 'VmRSS'))
  await (values.bodies ? uploads(house, secret) : crowd(house, secret))
  await ordinary.stop()
  tellOrdinary(ordinary)
  tell('peak memory, MiB', memory(house.child.pid, 'VmHWM'))
  await sleep(5000)
  tell('memory 5 s after, MiB', memory(house.child.pid, 'VmRSS'))
} finally {
  await agent.destroy()
  house.child.kill('SIGTERM')
  await once(house.child, 'close')
  upstream.close()
  rmSync(folder, { recursive: true })
}
