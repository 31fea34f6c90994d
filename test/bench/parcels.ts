/** What the benches send and what the stand-in answers; the same bytes each time. */
import { picture } from '../support/stand-in-picture.ts'

export const generatePath = '/v2beta/stable-image/generate/core'
const boundary = 'a-boundary-of-the-benches'
export const formType = `multipart/form-data; boundary=${boundary}`

const small = 600
const large = 5 * 1024 * 1024

/** A form with a prompt, exactly so many bytes long; a large one holds a file that the offer does not know. */
export function formOf(bytes: number): Buffer {
  const fields = [part('prompt', 'a lighthouse on a cliff at dawn'), part('output_format', 'png')]
  const head = part('filler', '', bytes > 10_000 ? 'filler.bin' : undefined)
  const tail = `--${boundary}--\r\n`
  const used = Buffer.byteLength(fields.join('') + head + tail)
  const filler = Buffer.alloc(bytes - used, 'a picture to be changed ')
  const [open, close] = [fields.join('') + head.slice(0, -2), `\r\n${tail}`]
  return Buffer.concat([Buffer.from(open), filler, Buffer.from(close)])
}

function part(name: string, value: string, filename?: string): string {
  const file = filename === undefined ? '' : `; filename="${filename}"\r\nContent-Type: application/octet-stream`
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`
}

export type AnswerKind = 'small' | 'picture'

const pictureBytes = 1_500_000

/** The body of a good answer of Stability's: JSON with a picture in it, or the picture itself. */
export function answerBody(kind: AnswerKind): Buffer {
  if (kind === 'picture') return picture('png', pictureBytes)
  const image = picture('png').toString('base64')
  return Buffer.from(JSON.stringify({ image, finish_reason: 'SUCCESS', seed: 343940597 }))
}

/** The whole good answer, ready to be written. */
export function answerMessage(kind: AnswerKind, finish = 'SUCCESS'): Buffer {
  const body = answerBody(kind)
  const told = kind === 'picture' ? `image/png\r\nfinish-reason: ${finish}\r\nseed: 343940597` : 'application/json'
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${told}\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

export type Workload = {
  readonly name: string
  readonly about: string
  readonly formBytes: number
  readonly answer: AnswerKind
  readonly accept: string
}

export const workloads: readonly Workload[] = [
  {
    ...{ name: 'W1', about: '600-byte form in, small JSON out', formBytes: small },
    ...{ answer: 'small', accept: 'application/json' },
  },
  {
    ...{ name: 'W2', about: '600-byte form in, 1.5 MB picture out', formBytes: small },
    ...{ answer: 'picture', accept: 'image/*' },
  },
  {
    ...{ name: 'W3', about: '5 MB form in, small JSON out', formBytes: large },
    ...{ answer: 'small', accept: 'application/json' },
  },
]

/** One whole request, ready to be written. */
export function requestMessage(path: string, headers: Readonly<Record<string, string>>, formBytes: number): Buffer {
  const all = { host: '127.0.0.1', 'content-type': formType, 'content-length': String(formBytes), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), formOf(formBytes)])
}
