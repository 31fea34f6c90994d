/** The processes a bench starts beside itself, and its talk with them; each is ended by its own id. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Tally } from './light-upstream.ts'
import type { Count, Order } from './load.ts'
import { pinned } from './machine.ts'
import type { AnswerKind } from './parcels.ts'

export type Started = {
  readonly pid: number
  /** Why it ended, once it has. */
  readonly end: () => string | undefined
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>
  /** Asks it to end, makes it end when it does not, and answers its exit code. */
  close(graceMs?: number): Promise<number | null>
}

type Command = {
  readonly command: readonly string[]
  readonly core: number | undefined
  readonly cwd: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly stdio: StdioOptions
}

const running = new Set<ChildProcess>()
// However the bench ends, nothing of it stays behind; nginx takes its worker along only when asked.
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

function start({ command, core, cwd, env, stdio }: Command): { child: ChildProcess; started: Started } {
  const [file = '', ...args] = pinned(core, command)
  const child = spawn(file, args, { cwd, env: { PATH: process.env['PATH'], ...env }, stdio })
  running.add(child)
  let end: string | undefined
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => resolve(over(error.message, null)))
    child.once('close', (code, signal) => resolve(over(`ended with ${signal ?? code}`, code)))
  })

  function over(why: string, code: number | null): number | null {
    running.delete(child)
    end = why
    return code
  }

  async function close(graceMs = 10_000): Promise<number | null> {
    const late = setTimeout(() => child.kill('SIGKILL'), graceMs)
    child.kill('SIGTERM')
    const code = await ended
    clearTimeout(late)
    return code
  }

  return { child, started: { pid: child.pid ?? 0, end: () => end, ended, close } }
}

/** A server that is a program; resolves once it takes connections on that port. Throws when it does not within 20 s. */
export async function startServing(command: Command, port: number): Promise<Started> {
  const { started } = start(command)
  for (let tries = 400; ; tries--) {
    if (started.end() !== undefined) throw new Error(`it ${started.end()} before it listened`)
    if (await takesConnections(port)) return started
    if (tries === 0) {
      await started.close(0)
      throw new Error('it does not listen')
    }
    await new Promise((wake) => setTimeout(wake, 50))
  }
}

/** A server that is started and waited for by the caller. */
export function startProgram(command: Command): Started {
  return start(command).started
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url))

async function startHelper(command: readonly string[], core: number | undefined) {
  const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc']
  const { child, started } = start({ command: [process.execPath, ...command], core, cwd: beside('.'), stdio })
  const waiting: { resolve(message: unknown): void; reject(error: Error): void }[] = []
  child.on('message', (message) => waiting.shift()?.resolve(message))
  started.ended.then(() => {
    for (const { reject } of waiting) reject(new Error(`${command[0]}: ${started.end()}`))
  })

  function ask(question: object | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
      if (question) child.send(question)
    })
  }

  return { ask, first: await ask(undefined), close: started.close }
}

export type Upstream = { readonly port: number; tally(): Promise<Tally>; close(): Promise<unknown> }

export async function startUpstream(kind: AnswerKind, core: number | undefined, faulty = false): Promise<Upstream> {
  const args = [beside('light-upstream.ts'), kind, ...(faulty ? ['faults'] : [])]
  const { ask, first, close } = await startHelper(args, core)
  return { port: (first as { port: number }).port, tally: async () => (await ask({})) as Tally, close }
}

export type Load = { run(order: Order): Promise<Count>; close(): Promise<unknown> }

export async function startLoad(core: number | undefined): Promise<Load> {
  const { ask, close } = await startHelper([beside('load.ts')], core)

  async function run(order: Order): Promise<Count> {
    const told = (await ask(order)) as { count: Count } | { failed: string }
    if ('failed' in told) throw new Error(told.failed)
    return told.count
  }

  return { run, close }
}
