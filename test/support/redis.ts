import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@redis/client'
import type { Logger } from 'pino'
import { openLog } from '../../src/log.ts'
import { freePort, withPrograms } from './programs.ts'

export type RedisServer = {
  readonly port: number
  readonly url: string
  /** One command over a connection of its own. */
  run(...words: string[]): Promise<unknown>
  /** Ends it as a power cut would. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  start(): Promise<void>
  /** Keeps its connections open and answers nobody, until it is resumed. */
  pause(): void
  resume(): void
}

const program = 'redis-server'

export const withRedis = (what: string, define: () => void) => withPrograms([program], what, define)

/** A Redis of its own on a free port that keeps nothing on disk; gone with the test. */
export async function openRedisServer(t: TestContext, ...options: string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-redis-'))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
    child = spawn(program, [...fixed, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const text of child.stdout ?? []) if (String(text).includes('Ready to accept connections')) break
    child.stdout?.resume()
    assert.equal(child.exitCode, null, 'redis-server did not start')
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  async function run(...words: string[]): Promise<unknown> {
    const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }

  t.after(async () => {
    await kill()
    rmSync(folder, { recursive: true })
  })
  await start()
  return { port, url, run, kill, start, pause: () => child?.kill('SIGSTOP'), resume: () => child?.kill('SIGCONT') }
}

/** A log whose lines are kept, and how often a reason was given in it. */
export function keptLog(): { log: Logger; told: (reason: string) => number; text: () => string } {
  const lines: string[] = []
  const log = openLog('trace', false, { write: (line) => void lines.push(line) })
  const told = (reason: string) => lines.filter((line) => JSON.parse(line).reason === reason).length
  return { log, told, text: () => lines.join('') }
}

/** Waits until it is so; a test that waits in vain is ended by its time limit. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10)
}
