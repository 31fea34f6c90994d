import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { corePath, formOf, usualBoundary } from './client.ts'

export type RawReply = {
  readonly status: number
  /** By lower-cased name; values of a repeated header are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  json(): Record<string, unknown>
}

export type Raw = {
  readonly socket: Socket
  send(bytes: string | Buffer): void
  /** The next whole reply; rejects when the connection ends before it. Interim ones are only counted. */
  reply(): Promise<RawReply>
  /** Interim replies such as 100 Continue so far. */
  readonly interim: number
  /** Resolves once the other side has ended the connection, in whatever way, with all that came and was not a reply. */
  readonly closed: Promise<string>
}

/** A client that writes whatever it is told to, over a connection that is gone with the test. */
export async function dial(t: TestContext, origin: string, { reading = true } = {}): Promise<Raw> {
  const { hostname, port } = new URL(origin)
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  t.after(() => socket.destroy())
  const incoming = openReader()
  const closed = new Promise<string>((resolve) => {
    const end = () => {
      incoming.end()
      resolve(incoming.rest())
    }
    socket.once('end', end).once('close', end)
  })
  socket.on('error', () => {})
  if (reading) socket.on('data', (bytes: Buffer) => incoming.feed(bytes))
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    socket,
    closed,
    send: (bytes) => void socket.write(bytes),
    reply: incoming.next,
    get interim() {
      return incoming.interim()
    },
  }
}

/** The head of a paid call and its body. A header given as undefined is left out, one given as a list is sent repeatedly. */
export function rawCall(
  secret: string | undefined,
  headers: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  { method = 'POST', path = corePath, body = formOf({ prompt: 'a raw call' }) as Buffer, version = 'HTTP/1.1' } = {},
): { head: string; body: Buffer; whole: Buffer } {
  const usual = {
    host: 'house.test',
    authorization: secret && `Bearer ${secret}`,
    'content-type': `multipart/form-data; boundary=${usualBoundary}`,
    'content-length': String(body.length),
  }
  const lines = Object.entries({ ...usual, ...headers }).flatMap(([name, value]) =>
    [value ?? []].flat().map((each) => `${name}: ${each}\r\n`),
  )
  const head = `${method} ${path} ${version}\r\n${lines.join('')}\r\n`
  return { head, body, whole: Buffer.concat([Buffer.from(head, 'latin1'), body]) }
}

/** Bytes as one chunk of a chunked body. */
export function chunked(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
}

/** Waits until something is so; fails after half a minute. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 3000; !(await isSo()); tries--) {
    if (tries === 0) throw new Error(`never came true: ${what}`)
    await new Promise((wake) => setTimeout(wake, 10))
  }
}

type Waiter = { resolve(reply: RawReply): void; reject(error: Error): void }

function openReader() {
  let pending: Buffer = Buffer.alloc(0)
  let interim = 0
  let ended = false
  const replies: RawReply[] = []
  const waiters: Waiter[] = []

  function settle(): void {
    while (replies.length > 0 && waiters.length > 0) waiters.shift()?.resolve(replies.shift() as RawReply)
    const error = () => new Error(`the connection ended without a reply; it said ${JSON.stringify(`${pending}`)}`)
    if (ended) for (const { reject } of waiters.splice(0)) reject(error())
  }

  function step(): boolean {
    const end = pending.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [start = '', ...lines] = pending.toString('latin1', 0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1])
    if (Number.isNaN(status)) throw new Error(`this is no reply: ${start}`)
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      const value = line.slice(line.indexOf(':') + 1).trim()
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value
    }
    const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0)
    if (pending.length < bodyEnd) return false
    const body = pending.subarray(end + 4, bodyEnd)
    pending = pending.subarray(bodyEnd)
    if (status < 200) interim++
    else replies.push({ status, headers, body, json: () => JSON.parse(body.toString()) as Record<string, unknown> })
    return true
  }

  return {
    feed(bytes: Buffer): void {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
      while (step());
      settle()
    },
    end(): void {
      ended = true
      settle()
    },
    next: () =>
      new Promise<RawReply>((resolve, reject) => {
        waiters.push({ resolve, reject })
        settle()
      }),
    interim: () => interim,
    rest: () => pending.toString('latin1'),
  }
}
