import { randomBytes } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Line } from './stand-in-line.ts'
import { type Format, picture } from './stand-in-picture.ts'
import { type Call, fieldOf } from './stand-in-request.ts'

export type Header = readonly [name: string, value: string]
/** An answer without its framing, which many modes get wrong on purpose. */
export type Answer = { status: number; headers: Header[]; body: Buffer }
/** What a mode does once its turn has come; `argument` is what stood behind the colon of its name. */
export type Act = (line: Line, call: Call, argument: string) => void
/** `generated`: the mode stands for a picture made, however broken its way back. `at: 'head'`: it acts before the body. */
export type Row = { generated: boolean; act: Act; at?: 'head' }

export const made = (act: Act): Row => ({ generated: true, act })
export const unmade = (act: Act): Row => ({ generated: false, act })

type Wanted = { bytes?: number; finish?: string; seed?: string; note?: string }

/**
 * The upstream's 200: raw picture or JSON as the call's `accept` says, in the format its `output_format` says. The
 * SHA-256 of the request's body stands readable in the picture.
 */
export function success(call: Call, wanted: Wanted = {}): Answer {
  const format = formatOf(call)
  const finish = wanted.finish ?? 'SUCCESS'
  const seed = wanted.seed ?? seedOf(call)
  const image = picture(format, wanted.bytes ?? 2_000, wanted.note ?? call.sha256)
  const id: Header = ['x-request-id', randomId()]
  if (wantsJson(call)) {
    const body = Buffer.from(
      JSON.stringify({ image: image.toString('base64'), finish_reason: finish, seed: Number(seed) }),
    )
    return { status: 200, headers: [['content-type', `application/json; type=image/${format}`], id], body }
  }
  const headers: Header[] = [['content-type', `image/${format}`], ['finish-reason', finish], ['seed', seed], id]
  return { status: 200, headers, body: image }
}

/** The upstream's error body; `id` is a word instead of hex where the upstream does so. */
export function failure(status: number, name: string, errors: string[], id = randomId()): Answer {
  const headers: Header[] = [
    ['content-type', 'application/json'],
    ['x-request-id', id],
  ]
  return { status, headers, body: Buffer.from(JSON.stringify({ id, name, errors })) }
}

export function plain(status: number, type: string, body: Buffer | string): Answer {
  return { status, headers: [['content-type', type]], body: Buffer.from(body) }
}

export function withHeaders(answer: Answer, ...headers: Header[]): Answer {
  return { ...answer, headers: [...answer.headers, ...headers] }
}

export function head(start: string, headers: readonly Header[]): Buffer {
  return Buffer.from([start, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n'), 'latin1')
}

/** The head as the answer says it, with `framing` behind. */
export function headOf({ status, headers }: Answer, ...framing: Header[]): Buffer {
  return head(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}`, [...headers, ...framing])
}

export function measuredHead(answer: Answer): Buffer {
  return headOf(answer, ['content-length', String(answer.body.length)])
}

/** The whole answer with a right content-length; 204 and 304 have neither length nor body (RFC 9110, 8.6). */
export function measured(answer: Answer): Buffer {
  if (answer.status === 204 || answer.status === 304) return headOf(answer)
  return Buffer.concat([measuredHead(answer), answer.body])
}

export function chunk(data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')])
}

export function halves(bytes: Buffer): [Buffer, Buffer] {
  const middle = bytes.length >> 1
  return [bytes.subarray(0, middle), bytes.subarray(middle)]
}

/** The argument as a number, or the fallback where it has none. */
export function numberIn(argument: string, fallback: number): number {
  return argument === '' ? fallback : Number(argument)
}

export function formatOf(call: Call): Format {
  const asked = fieldOf(call.body, 'output_format')
  return asked === 'jpeg' || asked === 'webp' ? asked : 'png'
}

export function wantsJson(call: Call): boolean {
  return (call.headers.accept ?? '').includes('application/json')
}

function randomId(): string {
  return randomBytes(16).toString('hex')
}

function seedOf(call: Call): string {
  const asked = fieldOf(call.body, 'seed')
  return /^[1-9]\d*$/.test(asked) ? asked : '343940597'
}
