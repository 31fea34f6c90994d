import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { bodies, discard } from '../buffers.ts'
import { onBrokenUpload, tooSlow } from '../connections.ts'
import { Problem } from '../errors.ts'
import { Gathered } from '../gathered.ts'
import type { Upload } from '../limits/bytes.ts'

/** Bytes announced by content-length; undefined for a chunked body. */
export function announcedBytes(request: IncomingMessage): number | undefined {
  const text = request.headers['content-length']
  return text === undefined ? undefined : Number(text)
}

export function tooLarge(limitBytes: number): Problem {
  const sentence = `The body may have at most ${limitBytes} bytes.`
  return new Problem('payload_too_large', { sentence, details: { limit: limitBytes } })
}

/** The caller left before the body was whole; nobody is there to read a reply. */
export class CallerLeft extends Error {}

type Done = (error: Error | null, body?: Buffer) => void

type Listener = {
  /** An announced body begins to come in. */
  began(request: FastifyRequest, upload: Upload): void
  /** Bytes that nobody announced; may throw a Problem. */
  took(request: FastifyRequest, bytes: number): void
}

/** A content type parser that reads the body whole, bounded and unchanged, into one buffer. */
export function bodyReader(limitBytes: number, { began, took }: Listener) {
  return (request: FastifyRequest, payload: IncomingMessage, finish: Done): void => {
    const announced = announcedBytes(request.raw)
    const target = announced === undefined ? undefined : bodies.take(announced)
    const gathered = new Gathered(limitBytes)
    let read = 0
    let done: Done | undefined = finish

    function end(error: Error | null, body?: Buffer): void {
      const call = done
      done = undefined
      call?.(error, body)
    }

    if (announced !== undefined) began(request, { announced, read: () => read, refuse: () => end(tooSlow()) })
    payload.on('data', (chunk: Buffer) => {
      // After a refusal the rest flows by unkept, so that the caller gets to read the reply.
      if (!done) return
      const start = read
      read += chunk.length
      if (read > limitBytes) return end(tooLarge(limitBytes))
      if (target) {
        chunk.copy(target, start)
        discard(chunk)
        return
      }
      try {
        took(request, chunk.length)
        gathered.add(chunk)
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)))
      }
    })
    payload.on('end', () => end(null, target ?? gathered.whole()))
    payload.on('error', () => done && end(new CallerLeft()))
    payload.on('close', () => done && end(new CallerLeft()))
    onBrokenUpload(request.raw, (problem) => end(problem))
  }
}
