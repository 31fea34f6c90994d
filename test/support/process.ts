import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Agent } from 'undici'
import { openAccounts } from '../../src/accounts/accounts.ts'
import type { Environment } from '../../src/config.ts'
import { millionths } from '../../src/credits.ts'
import { type KeyWish, openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/open.ts'
import { type Client, openClient } from './client.ts'
import { adminKey } from './house.ts'

export const checkout = fileURLToPath(new URL('../../', import.meta.url))
const server = join(checkout, 'src/server.ts')

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type Running = {
  readonly pid: number
  /** Everything written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** The log lines among it. */
  readonly lines: () => readonly Record<string, unknown>[]
  /** Resolves once stdout matches; rejects when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  readonly ended: Promise<Ended>
  /** Closes our end of its stdout. */
  deafen(): void
  /** To the whole group of processes where the command was started as one. */
  kill(signal: NodeJS.Signals): void
}

export type HouseProcess = Running & {
  readonly origin: string
  readonly client: Client
  /** `GET /admin/v1/books` with the operator key of the tests. */
  books(): Promise<Record<string, unknown>>
}

type Start = {
  readonly env?: Environment
  /** Node's own options. */
  readonly node?: readonly string[]
  /** Another command than the server. */
  readonly command?: readonly [string, ...string[]]
  readonly cwd?: string
  readonly group?: boolean
}

export type Place = {
  readonly folder: string
  readonly database: string
  /** Starts the server, or another command, without waiting for anything. */
  begin(start?: Start): Running
  /** Starts the server and waits until it listens. */
  start(env?: Environment): Promise<HouseProcess>
  /** Starts what must end by itself and tells how it did. */
  run(start: Start): Promise<Ended & { readonly stdout: string; readonly stderr: string }>
  /** A new account with a key, written while no server runs. */
  furnish(credits: number, wish?: Partial<KeyWish>): Promise<{ accountId: string; keyId: string; secret: string }>
  /** Rows read from the database file beside the server. */
  rows(sql: string, ...params: string[]): Record<string, unknown>[]
}

/** Where the machine's own programs are, without the ones that npm brings along. */
export const machinePath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

/** A folder with a database in it, and real processes on it; all gone with the test, however it ends. */
export function openPlace(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-process-'))
  const database = join(folder, 'house.db')
  const agent = new Agent({ connections: 64, pipelining: 1 })
  const running = new Set<Running>()
  t.after(async () => {
    for (const each of running) each.kill('SIGKILL')
    await Promise.all([...running].map(({ ended }) => ended))
    await agent.destroy()
    rmSync(folder, { recursive: true, force: true })
  })

  function begin({ env = {}, node = [], command = [process.execPath, ...node, server], cwd, group }: Start = {}) {
    const [file, ...args] = command
    const child = spawn(file, args, {
      cwd: cwd ?? folder,
      env: { ...surroundings(folder), DATABASE_URL: `sqlite:${database}`, PORT: '0', ...env },
      detached: group === true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const each = follow(child, group === true)
    running.add(each)
    return each
  }

  async function start(env: Environment = {}): Promise<HouseProcess> {
    const house = begin({ env: { ADMIN_KEY: adminKey, ...env } })
    const [, origin = ''] = await house.until(/"address":"([^"]+)","msg":"listening"/)
    const client = openClient(origin, agent)
    const books = async () => {
      const reply = await client.json('GET', '/admin/v1/books', undefined, { authorization: `Bearer ${adminKey}` })
      assert.equal(reply.status, 200)
      return reply.json()
    }
    return { ...house, origin, client, books }
  }

  async function run(how: Start) {
    const each = begin(how)
    return { ...(await each.ended), stdout: each.stdout(), stderr: each.stderr() }
  }

  function rows(sql: string, ...params: string[]): Record<string, unknown>[] {
    const file = new DatabaseSync(database, { readOnly: true, timeout: 2000 })
    try {
      return file.prepare(sql).all(...params)
    } finally {
      file.close()
    }
  }

  const furnish = (credits: number, wish: Partial<KeyWish> = {}) => furnished(database, credits, wish)
  return { folder, database, begin, start, run, furnish, rows }
}

/** Nothing of the settings around the tests may reach a house. */
function surroundings(folder: string): Environment {
  return { PATH: process.env['PATH'], HOME: folder, TMPDIR: tmpdir() }
}

function follow(child: ChildProcess, group: boolean): Running {
  const pid = child.pid ?? 0
  if (pid === 0) throw new Error('The process did not start.')
  const heard = { stdout: '', stderr: '' }
  let hear = () => {}
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      heard[name] += text
      hear()
    })
  }
  let over = false
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      over = true
      hear()
      resolve({ code, signal })
    })
  })

  function until(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const before = hear
      const look = () => {
        before()
        const found = pattern.exec(heard.stdout)
        if (found) resolve(found)
        else if (over) reject(new Error(`It ended without ${pattern}:\n${heard.stdout}${heard.stderr}`))
      }
      hear = look
      look()
    })
  }

  function kill(signal: NodeJS.Signals): void {
    try {
      if (!over) process.kill(group ? -pid : pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  const deafen = () => void child.stdout?.destroy()
  return {
    pid,
    deafen,
    stdout: () => heard.stdout,
    stderr: () => heard.stderr,
    lines: () => parsed(heard.stdout),
    until,
    ended,
    kill,
  }
}

function parsed(text: string): Record<string, unknown>[] {
  const whole = text.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
  return whole.map((line) => JSON.parse(line) as Record<string, unknown>)
}

async function furnished(path: string, credits: number, wish: Partial<KeyWish>) {
  const store = await openStore({ kind: 'sqlite', path })
  try {
    const account = openAccounts(store).creating('a test account', null)
    const key = openKeys(store, 0).issuing(account.id, { name: 'a test key', ...wish })
    assert.equal((await store.write([...account.unit, ...key.unit])).refused, undefined)
    const gift = { accountId: account.id, credits: millionths(credits * 1_000_000), reason: 'test' }
    if (credits > 0) await openLedger(store, 'test').grant(gift)
    return { accountId: account.id, keyId: key.id, secret: key.secret }
  } finally {
    await store.close()
  }
}
