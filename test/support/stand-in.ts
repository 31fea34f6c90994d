import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { failure, measured, plain } from './stand-in-answer.ts'
import { type CertificateKind, certificate } from './stand-in-certificates.ts'
import { type Line, openLine } from './stand-in-line.ts'
import { acceptActOf, type Mode, modeIn, rowOf } from './stand-in-modes.ts'
import { type Call, openReader } from './stand-in-request.ts'

export type StandIn = {
  readonly origin: string
  readonly port: number
  /** The authority that signed the certificate, PEM; empty without TLS. */
  readonly ca: string
  /** One per request of which at least a byte was read, in order of arrival. */
  readonly calls: Call[]
  /** TCP connections ever accepted. */
  readonly connections: number
  /** How the following requests are answered; a function is asked once a request is whole. */
  mode(next: Mode | ((call: Call) => Mode)): void
  /** How requests with this token are answered, whatever `mode` says. */
  tokenMode(token: string, mode: Mode): void
  /** From now on whole requests wait inside; `letGo` answers them all. */
  holdAnswers(): void
  letGo(): void
  /** What is left behind each token, in credits; 1000 where a test says nothing. Every picture made costs 3. */
  readonly purses: Map<string, number>
  /** The tokens whose balance was asked for, in order; these requests are in no other count. */
  readonly asked: string[]
  /** Resolves once `count` whole requests have been read in total; rejects when the stand-in closes before. */
  waitFor(count: number): Promise<void>
  /** Cuts every connection at once and frees the port; then rejects if a prompt asked for a mode that nobody knows. */
  close(): Promise<void>
}

type Options = { tls?: CertificateKind; host?: string; port?: number }

/**
 * A stand-in of the upstream that writes raw bytes, so that it can break the protocol in every way. The mode of a
 * request: `mode:<name>` in its prompt, else its token's, else the one set last. Modes that act when a connection or a
 * head arrives come too early for the prompt, so they win where `mode` or `tokenMode` set them, and act late where only
 * a prompt or a function asks for them. Pipelined requests are answered as each is ready, not in their order.
 */
export async function openStandIn({ tls, host = '127.0.0.1', port = 0 }: Options = {}): Promise<StandIn> {
  const papers = tls && certificate(tls)
  const context = papers && createSecureContext({ cert: papers.cert, key: papers.key })
  const calls: Call[] = []
  const tokens = new Map<string, Mode>()
  const purses = new Map<string, number>()
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const tally = openTally()
  const misspelt: string[] = []
  let connections = 0
  let current: Mode | ((call: Call) => Mode) = 'ok'
  let held: (() => void)[] | undefined

  const server = createServer((raw) => {
    connections += 1
    sockets.add(raw)
    raw.on('close', () => sockets.delete(raw))
    const act = typeof current === 'string' ? acceptActOf(current) : undefined
    const socket = context && !act ? new TLSSocket(raw, { isServer: true, secureContext: context }) : raw
    const line = openLine(raw, socket, connections)
    act?.(line)
    if (current !== 'hang-on-accept') listen(socket, line, act ? String(current) : '')
  })

  function listen(socket: Socket, line: Line, mode: string): void {
    const reader = openReader(line.connection, {
      first: (call) => began(line, Object.assign(call, { mode })),
      head: (call) => headRead(line, call),
      whole: (call) => wholeRead(line, call),
    })
    socket.on('data', reader.feed)
    socket.on('close', () => reader.end())
  }

  function began(line: Line, call: Call): void {
    calls.push(call)
    if (line.hearing !== 'stale') return
    call.mode = 'stale-keepalive'
    line.hearing = 'note'
    line.reset()
  }

  /** Says whether to go on and read the body. */
  function headRead(line: Line, call: Call): boolean {
    const mode = tokens.get(call.token) ?? current
    if (asksBalance(call)) {
      calls.splice(calls.indexOf(call), 1)
      return true
    }
    if (line.hearing !== 'serve' || typeof mode !== 'string') return true
    const { row, argument } = rowOf(mode)
    if (row.at !== 'head') return true
    Object.assign(call, { mode, generated: row.generated })
    if (row.generated) bill(call)
    row.act(line, call, argument)
    return false
  }

  function wholeRead(line: Line, call: Call): void {
    if (asksBalance(call)) {
      tellBalance(line, call)
      return
    }
    if (line.hearing === 'serve') {
      const answer = answerTo(line, call)
      if (held) held.push(answer)
      else answer()
    }
    tally.add()
  }

  function answerTo(line: Line, call: Call): () => void {
    call.mode =
      modeIn(call.prompt) ?? tokens.get(call.token) ?? (typeof current === 'function' ? current(call) : current)
    try {
      const { row, argument } = rowOf(call.mode)
      call.generated = row.generated
      return () => {
        if (row.generated) bill(call)
        row.act(line, call, argument)
      }
    } catch (error) {
      misspelt.push(call.mode)
      return () => line.say(measured(failure(501, 'no_such_mode', [String(error)])))
    }
  }

  function bill({ token }: Call): void {
    purses.set(token, (purses.get(token) ?? usualPurse) - pictureCredits)
  }

  function tellBalance(line: Line, { token }: Call): void {
    asked.push(token)
    if (line.hearing !== 'serve') return
    const mode = tokens.get(token) ?? current
    const credits = mode === 'out-of-credits' ? 0 : (purses.get(token) ?? usualPurse)
    const told = plain(200, 'application/json', JSON.stringify({ credits }))
    line.say(measured(mode === 'auth-revoked' ? failure(401, 'unauthorized', ['the key is not valid']) : told))
  }

  await listening(server, host, port)
  const bound = portOf(server)

  return {
    origin: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    ca: papers?.ca ?? '',
    calls,
    purses,
    asked,
    get connections() {
      return connections
    },
    mode(next) {
      if (typeof next === 'string') rowOf(next)
      current = next
    },
    tokenMode(token, mode) {
      rowOf(mode)
      tokens.set(token, mode)
    },
    holdAnswers() {
      held ??= []
    },
    letGo() {
      const waiting = held ?? []
      held = undefined
      for (const answer of waiting) answer()
    },
    waitFor: tally.reaches,
    close: () =>
      new Promise((resolve, reject) => {
        tally.close()
        const unknown = misspelt.length > 0 && new Error(`The stand-in has no mode ${misspelt.join(', ')}.`)
        server.close(() => (unknown ? reject(unknown) : resolve()))
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const usualPurse = 1000
const pictureCredits = 3

function asksBalance({ method, path }: Call): boolean {
  return method === 'GET' && path.endsWith('/v1/user/balance')
}

type Waiter = { count: number; resolve: () => void; reject: (reason: Error) => void }

/** Counts whole requests for those who wait for a number of them. */
function openTally() {
  let whole = 0
  let waiters: Waiter[] = []
  return {
    add(): void {
      whole += 1
      for (const { count, resolve } of waiters) if (whole >= count) resolve()
      waiters = waiters.filter(({ count }) => whole < count)
    },
    reaches(count: number): Promise<void> {
      if (whole >= count) return Promise.resolve()
      return new Promise((resolve, reject) => waiters.push({ count, resolve, reject }))
    },
    close(): void {
      for (const { count, reject } of waiters) reject(new Error(`The stand-in closed before request ${count}.`))
      waiters = []
    },
  }
}

/** A port of the loopback on which nobody listens: a connection there is refused. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await listening(server, '127.0.0.1', 0)
  const port = portOf(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The stand-in has no port.')
  return address.port
}
