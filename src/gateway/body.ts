import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/** Keeps a caller waiting who asked `Expect: 100-continue`, until a hook that refuses had its chance (RFC 9110 section 10.1.1). */
export function holdContinue(request: IncomingMessage, response: ServerResponse): void {
  waiting.set(request, response)
}

/** Bytes announced by content-length; undefined for a chunked body. */
export function announcedBytes(request: IncomingMessage): number | undefined {
  const text = request.headers['content-length']
  return text === undefined ? undefined : Number(text)
}

export function tooLarge(limitBytes: number): Problem {
  const sentence = `The body may have at most ${limitBytes} bytes.`
  return new Problem('payload_too_large', {
    sentence,
    details: { limit: limitBytes },
    headers: { connection: 'close' },
  })
}

/** The caller left before the body was whole; nobody is there to read a reply. */
export class CallerLeft extends Error {}

type Done = (error: Error | null, body?: Buffer) => void

/**
 * A content type parser that reads the body whole, bounded and unchanged, into one buffer. `took` hears of bytes beyond
 * the announced ones and may throw a Problem.
 */
export function bodyReader(limitBytes: number, took: (request: FastifyRequest, bytes: number) => void) {
  return (request: FastifyRequest, payload: IncomingMessage, finish: Done): void => {
    const announced = announcedBytes(request.raw)
    const target = announced === undefined ? undefined : Buffer.allocUnsafe(announced)
    const chunks: Buffer[] = []
    let read = 0
    let done: Done | undefined = finish

    function end(error: Error | null, body?: Buffer): void {
      const call = done
      done = undefined
      if (error) payload.pause()
      call?.(error, body)
    }

    payload.on('data', (chunk: Buffer) => {
      if (!done) return
      const start = read
      read += chunk.length
      if (read > limitBytes) return end(tooLarge(limitBytes))
      if (target) {
        chunk.copy(target, start)
        return
      }
      try {
        took(request, chunk.length)
        chunks.push(chunk)
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)))
      }
    })
    payload.on('end', () => end(null, target ?? Buffer.concat(chunks)))
    payload.on('error', () => end(new CallerLeft()))
    payload.on('close', () => end(new CallerLeft()))
    waiting.get(request.raw)?.writeContinue()
  }
}
