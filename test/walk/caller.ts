import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { corePath } from '../support/client.ts'
import type { CallStep } from './plan.ts'

/** What a caller saw of the answer to one call; `status` 0 is nothing at all. */
export type Heard = {
  readonly step: CallStep
  readonly accountId: string
  readonly secret: string
  readonly bodySha256: string
  readonly askedMs: number
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Whether the body came to the end that its length announced. */
  readonly whole: boolean
  readonly answerSha256: string
  /** Whether the SHA-256 of what was sent stands in the picture, as the stand-in writes it. */
  readonly ownPicture: boolean
  /** The body of a refusal. */
  readonly text: string
  /** Whether the master token was anywhere in it. */
  readonly leaked: boolean
}

/** Longer than any answer may take: what is not answered by then is a violation of its own. */
const longestMs = 20_000

type Asked = { readonly port: number; readonly accountId: string; readonly secret: string; readonly canary: string }

/** One paid call over a connection of its own, by a caller who behaves as the step says. */
export async function ask(step: CallStep, { port, accountId, secret, canary }: Asked): Promise<Heard> {
  const body = formOf(step)
  const bodySha256 = createHash('sha256').update(body).digest('hex')
  const askedMs = performance.now()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const reading = read(socket, step.manner === 'stalls')
  await behave(socket, step, headOf(step, secret, body.length), body)
  const bytes = await reading
  const answer = answerOf(bytes)
  const leaked = bytes.includes(canary)
  return { step, accountId, secret, bodySha256, askedMs, ...answer, ownPicture: shows(answer, bodySha256), leaked }
}

function formOf({ prompt, fields, boundary, manner }: CallStep): Buffer {
  const texts: Record<string, string> = { prompt, ...fields, ...(manner === 'malformed' ? { seed: 'none' } : {}) }
  const parts = Object.entries(texts).map(([name, value]) => part(boundary, `name="${name}"`, value))
  // Real clients send an empty file of this name.
  if (fields['seed']) parts.push(part(boundary, 'name="none"; filename=""', ''))
  return Buffer.from(`${parts.join('')}--${boundary}--\r\n`)
}

function part(boundary: string, disposition: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`
}

function headOf({ name, accept, boundary, idempotencyKey }: CallStep, secret: string, length: number): string {
  const lines = [
    `POST ${corePath} HTTP/1.1`,
    ...['host: house.test', 'connection: close', `authorization: Bearer ${secret}`, `accept: ${accept}`],
    ...[
      `content-type: multipart/form-data; boundary=${boundary}`,
      `content-length: ${length}`,
      `x-request-id: ${name}`,
    ],
    ...(idempotencyKey === undefined ? [] : [`idempotency-key: ${idempotencyKey}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function behave(socket: Socket, step: CallStep, head: string, body: Buffer): Promise<void> {
  const { manner, patienceMs } = step
  const half = body.length >> 1
  socket.write(head)
  if (manner === 'leaves-upload' || manner === 'slow-upload') {
    socket.write(body.subarray(0, half))
    await sleep(patienceMs)
    if (manner === 'leaves-upload') return void socket.resetAndDestroy()
    socket.write(body.subarray(half))
    return
  }
  socket.write(body)
  if (manner === 'half-close') socket.end()
  if (manner === 'leaves-at-once') socket.end(() => socket.destroy())
  if (manner === 'leaves-waiting') setTimeout(() => socket.resetAndDestroy(), patienceMs)
  if (manner === 'leaves-download') socket.once('data', () => socket.destroy())
}

/** Everything that came until the connection ended, in whatever way. A staller reads one piece and no more. */
function read(socket: Socket, stalls: boolean): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const late = setTimeout(() => socket.destroy(), longestMs)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (stalls) {
        socket.pause()
        setTimeout(() => socket.destroy(), 4000)
      }
    })
    socket.on('error', () => undefined)
    socket.once('end', () => socket.end())
    socket.once('close', () => {
      clearTimeout(late)
      resolve(Buffer.concat(chunks))
    })
  })
}

const nothing = { status: 0, headers: {}, whole: false, answerSha256: '', text: '', body: Buffer.alloc(0) }

function answerOf(bytes: Buffer) {
  const end = bytes.indexOf('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, 16))?.[1] ?? 0)
  if (end === -1 || status === 0) return nothing
  const lines = bytes.toString('latin1', 0, end).split('\r\n').slice(1)
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = bytes.subarray(end + 4)
  const whole = body.length === Number(headers['content-length'] ?? Number.NaN)
  const answerSha256 = createHash('sha256').update(body).digest('hex')
  return { status, headers, whole, answerSha256, text: status === 200 ? '' : body.toString('utf8', 0, 2000), body }
}

function shows({ headers, body }: { headers: Record<string, string>; body: Buffer }, sha256: string): boolean {
  if (!headers['content-type']?.startsWith('application/json')) return body.includes(sha256)
  const image = /"image":"([^"]*)"/.exec(body.toString('latin1'))?.[1] ?? ''
  return Buffer.from(image, 'base64').includes(sha256)
}
