import multipart from '@fastify/multipart'
import Fastify, { type FastifyRequest } from 'fastify'
import type { Part } from '../catalog/offer.ts'
import { Problem } from '../errors.ts'
import { boundaryOf, scanParts } from './parts.ts'

type Reading = {
  readonly name: string
  readonly filename: string | undefined
  readonly type: string
  readonly chunks: readonly Buffer[]
}

/**
 * Opens the second reader of multipart bodies: @fastify/multipart on an instance that never listens. Its `readOdd` gives
 * parts only where that plugin and our own scan find the same ones; file names are the plugin's, so that `filename*` is
 * decoded. It rejects with a `bad_request` Problem.
 */
export async function openOddParts() {
  const reader = Fastify({ logger: false })
  // Every part is read as bytes and whole: a text would come decoded, cut or parsed as JSON.
  await reader.register(multipart, { isPartAFile: () => true, preservePath: true, limits: { fileSize: Infinity } })
  const readings = new WeakMap<object, readonly Reading[]>()
  const failures = new WeakMap<object, Error>()
  reader.addHook('onError', async (request, _reply, error) => void failures.set(request.raw, error))
  reader.post('/', async (request, reply) => {
    readings.set(request.raw, await readingsOf(request))
    return reply.code(204).send()
  })
  await reader.ready()

  async function readOdd(bytes: Buffer, contentType: string): Promise<readonly Part[]> {
    const boundary = boundaryOf(contentType)
    const { parts } = scanParts(bytes, boundary)
    const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` }
    const { raw } = await reader.inject({ method: 'POST', url: '/', headers, payload: bytes })
    const read = readings.get(raw.req)
    if (read?.length !== parts.length) throw ambiguous(failures.get(raw.req))
    return parts.map((part, index) => agreed(bytes, part, read[index]))
  }

  return { readOdd, close: () => reader.close() }
}

async function readingsOf(request: FastifyRequest): Promise<readonly Reading[]> {
  const readings: Reading[] = []
  for await (const part of request.parts()) {
    if (part.type !== 'file') throw new Error('The parser gave a text where bytes were asked for.')
    const chunks: Buffer[] = []
    for await (const chunk of part.file) chunks.push(chunk)
    readings.push({ name: part.fieldname, filename: part.filename, type: part.mimetype, chunks })
  }
  return readings
}

function agreed(bytes: Buffer, part: Part, reading: Reading | undefined): Part {
  if (reading?.name !== part.name || (reading.filename === undefined) !== (part.filename === undefined))
    throw ambiguous()
  if (mediaType(reading.type) !== (mediaType(part.type ?? '') || 'text/plain')) throw ambiguous()
  if (!holds(bytes, part, reading.chunks)) throw ambiguous()
  return { ...part, filename: reading.filename }
}

function mediaType(type: string): string {
  return type.replace(/;.*/, '').replace(/[\t ]/g, '').toLowerCase()
}

function holds(bytes: Buffer, { start, end }: Part, chunks: readonly Buffer[]): boolean {
  let at = start
  for (const chunk of chunks) {
    if (!bytes.subarray(at, at + chunk.length).equals(chunk)) return false
    at += chunk.length
  }
  return at === end
}

function ambiguous(cause?: Error): Problem {
  return new Problem('bad_request', { sentence: 'Two parsers would read different parts in this form.', cause })
}
