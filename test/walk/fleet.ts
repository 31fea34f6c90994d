import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../../src/config.ts'
import { adminKey } from '../support/house.ts'

const server = fileURLToPath(new URL('../../src/server.ts', import.meta.url))

export type Door = {
  /** The port to ask now; waits while the process is down. */
  port(): Promise<number>
  /** Ends the process with SIGKILL, lets `between` look at what is left, and starts it again on the same database. */
  kill(between: () => Promise<void>): Promise<void>
  /** Ends it as an operator would, and answers its exit code. */
  stop(): Promise<number | null>
  /** SIGKILL, whatever its state. */
  destroy(): Promise<void>
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<AdminReply | undefined>
  /** Everything the processes ever wrote. */
  readonly written: () => string
  /** Milliseconds from each start to the first 200 of /ready. */
  readonly readyMs: readonly number[]
  /** Set when a process ended without being told to. */
  readonly surprise: () => string | undefined
}

export type AdminReply = { readonly status: number; readonly body: Record<string, unknown> }

type Life = { readonly child: ChildProcess; readonly ended: Promise<number | null>; readonly port: number }

/** A server process on a free port, as an operator runs it. */
export async function openDoor(env: Environment, folder: string): Promise<Door> {
  const output: string[] = []
  const readyMs: number[] = []
  let surprise: string | undefined
  let expected = false
  let alive: Promise<Life> = start()
  await alive

  async function start(): Promise<Life> {
    const started = performance.now()
    const surroundings = { PATH: process.env['PATH'], HOME: folder, ADMIN_KEY: adminKey, PORT: '0' }
    const child = spawn(process.execPath, [server], {
      cwd: folder,
      env: { ...surroundings, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expected = false
    // A walk that dies of a bug of its own must leave no server behind.
    const orphan = (): void => void child.kill('SIGKILL')
    process.once('exit', orphan)
    child.once('exit', () => process.off('exit', orphan))
    const ended = once(child, 'exit').then(([code, signal]) => {
      // As whatever supervises it would, a house that died by itself is started again; the walk has failed by then.
      if (!expected) alive = start()
      if (!expected || (signal === null && code !== 0))
        surprise = `the process ended by itself (${code ?? signal}): ${fatal()}`
      return code as number | null
    })
    const port = await listening(child, output)
    await ready(port)
    readyMs.push(performance.now() - started)
    return { child, ended, port }
  }

  function fatal(): string {
    const lines = output.join('').split('\n')
    return lines.findLast((line) => line.includes('"level":60')) ?? lines.slice(-3).join(' ')
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const { child, ended } = await alive
    expected = true
    child.kill(signal)
    return ended
  }

  async function kill(between: () => Promise<void>): Promise<void> {
    const dying = alive
    alive = (async () => {
      const { child, ended } = await dying
      expected = true
      child.kill('SIGKILL')
      await ended
      await between()
      return start()
    })()
    await alive
  }

  const admin: Door['admin'] = async (method, path, body, headers = {}) => {
    const { port } = await alive
    const content: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    try {
      const reply = await fetch(`http://127.0.0.1:${port}/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${adminKey}`, ...content, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: reply.status, body: (await reply.json()) as Record<string, unknown> }
    } catch {
      return undefined
    }
  }

  return {
    port: async () => (await alive).port,
    kill,
    stop: () => end('SIGTERM'),
    async destroy() {
      await end('SIGKILL').catch(() => undefined)
    },
    admin,
    written: () => output.join(''),
    readyMs,
    surprise: () => surprise,
  }
}

function listening(child: ChildProcess, output: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = ''
    let found = false
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (piece: string) => {
        output.push(piece)
        if (found) return
        text += piece
        const port = /"address":"http:\/\/[^"]*:(\d+)"/.exec(text)?.[1]
        found = port !== undefined
        if (port !== undefined) resolve(Number(port))
      })
    }
    child.once('exit', () => reject(new Error(`the server did not start:\n${text}`)))
  })
}

async function ready(port: number): Promise<void> {
  for (;;) {
    const reply = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined)
    await reply?.arrayBuffer()
    if (reply?.status === 200) return
    await sleep(5)
  }
}
