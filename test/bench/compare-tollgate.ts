/** Tollgate as a process of its own, with every step of a paid call on and no bound that a bench could reach. */
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { type Started, startProgram } from './crew.ts'
import type { Order } from './load.ts'
import { answerBody, generatePath, type Workload } from './parcels.ts'

const server = fileURLToPath(new URL('../../src/server.ts', import.meta.url))
/** As `npm start` has it. */
const compiled = fileURLToPath(new URL('../../dist/compiled', import.meta.url))
export const adminKey = 'an-operator-key-for-benches-only'
const masterToken = 'sk-bench-0123456789abcdefghijklmnopqrstuvwxyz'
const credits = 1_000_000_000

export type Tollgate = Started & {
  readonly port: number
  /** The secret of a live key whose account can pay for everything. */
  readonly secret: string
  readonly folder: string
  readonly granted: number
  /** Waits until nothing is held; what the books say then. Throws unless they balance. */
  balanced(): Promise<{ readonly posted: number }>
  /** The last error in its log. */
  trouble(): string | undefined
}

type Wish = {
  readonly databaseUrl?: string
  readonly upstreamPort: number
  readonly core: number | undefined
  readonly env?: Readonly<Record<string, string>>
}

/** Its books are kept in `folder` unless a database is named; its log goes to a file there. */
export async function startTollgate(folder: string, { databaseUrl, upstreamPort, core, env }: Wish): Promise<Tollgate> {
  mkdirSync(folder)
  const log = join(folder, 'house.log')
  const output = openSync(log, 'w')
  const settings = {
    ...{
      HOME: folder,
      NODE_COMPILE_CACHE: compiled,
      DATABASE_URL: databaseUrl ?? `sqlite:${join(folder, 'house.db')}`,
      PORT: '0',
    },
    ...{ ADMIN_KEY: adminKey, UPSTREAM_URL: `http://127.0.0.1:${upstreamPort}`, UPSTREAM_TOKENS: masterToken },
    // Counted and paced like always, but never refused and never waited for.
    ...{ RATE_LIMIT: '9999999/1s', UPSTREAM_PACE: '9999999/1s', BYTES_IN_FLIGHT_LIMIT: String(8 * 1024 ** 3) },
    ...{ LOG_LEVEL: 'info', ...env },
  }
  const stdio = ['ignore', output, output] as const
  const started = startProgram({
    command: [process.execPath, server],
    core,
    cwd: folder,
    env: settings,
    stdio: [...stdio],
  })
  closeSync(output)
  const origin = await listening(started, log)
  const secret = await furnish(origin)
  const balanced = () => balancedAt(origin)
  const trouble = () =>
    readFileSync(log, 'utf8')
      .split('\n')
      .findLast((line) => /^\{"level":(50|60)/.test(line))
  return { ...started, port: Number(new URL(origin).port), secret, folder, granted: credits, balanced, trouble }
}

/** Calls of a workload without a pause, for as long or as many as the caller adds. */
export function orderFor({ port, secret, pid }: Tollgate, workload: Workload, inFlight: number): Order {
  const { formBytes, accept, answer } = workload
  const headers = { accept, authorization: `Bearer ${secret}` }
  const sent = { path: `/sd${generatePath}`, headers, formBytes, answerBytes: answerBody(answer).length }
  return { port, ...sent, inFlight, paceMs: 0, warmMs: 0, countMs: 0, leastCalls: 0, pid }
}

async function listening(started: Started, log: string): Promise<string> {
  for (let tries = 600; tries > 0; tries--) {
    const text = readFileSync(log, 'utf8')
    const found = /"address":"([^"]+)","msg":"listening"/.exec(text)?.[1]
    if (found) return found
    if (started.end() !== undefined) throw new Error(`Tollgate ${started.end()}:\n${text}`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
  await started.close(0)
  throw new Error('Tollgate does not listen')
}

async function admin(origin: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' }
  const how = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { method: 'GET', headers }
  const answer = await request(`${origin}/admin/v1${path}`, { ...how, headersTimeout: 0, bodyTimeout: 0 })
  const text = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${path}: ${answer.statusCode} ${text}`)
  return JSON.parse(text) as Record<string, unknown>
}

async function furnish(origin: string): Promise<string> {
  const { id } = await admin(origin, '/accounts', { name: 'bench', credits })
  const { secret } = await admin(origin, `/accounts/${id}/keys`, { name: 'bench', mode: 'live' })
  return String(secret)
}

async function balancedAt(origin: string): Promise<{ posted: number }> {
  for (let tries = 200; tries > 0; tries--) {
    const books = await admin(origin, '/books')
    if (books['balanced'] !== true) throw new Error(`the books do not balance: ${JSON.stringify(books)}`)
    if (books['open_holds'] === 0) return { posted: Number(books['posted']) }
    await new Promise((wake) => setTimeout(wake, 50))
  }
  throw new Error('holds are still open')
}
