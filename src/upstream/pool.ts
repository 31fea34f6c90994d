import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { Pool } from 'undici'
import { leastReused } from '../buffers.ts'

export type PoolSettings = {
  readonly origin: string
  readonly ca: string | undefined
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
}

/** Each has one exchange at a time, and no more are begun, so nothing waits unseen in undici. */
export const mostConnections = 1024

/** One for all connections: what was read is taken out of it before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)
/** A head has at most 16 KiB, and undici keeps its pieces until it is whole; so much at once is the inside of a body. */
const leastShared = 32 * 1024

/**
 * Hands undici what was read without the fresh buffer that Node would make for every read; readers of answers must copy
 * what they keep. Anything that undici does not take at once is copied.
 */
function onRead(this: Socket, bytes: number, buffer: Uint8Array): boolean {
  const read = Buffer.from(buffer.buffer, buffer.byteOffset, bytes)
  if (bytes < leastShared || this.readableLength > 0) return this.push(Buffer.from(read))
  this.push(read)
  this.emit('readable')
  const left: Buffer | null = this.readableLength > 0 ? this.read() : null
  if (left) this.unshift(Buffer.from(left))
  return true
}

/** The connection that a body was last written to. */
const connectionOf = new WeakMap<Buffer, Socket>()

// Right before undici writes a request.
subscribe('undici:client:sendHeaders', (message) => {
  const { request, socket } = message as { request: { body?: unknown }; socket: Socket }
  if (Buffer.isBuffer(request.body) && request.body.length >= leastReused) connectionOf.set(request.body, socket)
})

/**
 * Whether the operating system has all of a large body. To be asked when its exchange ends, before the connection has
 * another one; an upstream may answer what it has not read yet. False in doubt.
 */
export function isSent(body: Buffer): boolean {
  const connection = connectionOf.get(body)
  return connection !== undefined && !connection.destroyed && connection.writableLength === 0
}

/** Connections to the upstream. What guards money or secrets is written out rather than inherited. */
export function openPool(settings: PoolSettings): Pool {
  return new Pool(settings.origin, {
    connections: mostConnections,
    pipelining: 1,
    allowH2: false,
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    // Shorter than usual servers', so that a request is seldom written to a connection that is just being closed.
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 4000,
    maxHeaderSize: 16 * 1024,
    strictContentLength: true,
    connect: {
      timeout: settings.connectTimeoutMs,
      rejectUnauthorized: true,
      onread: { buffer: readBuffer, callback: onRead },
      ...(settings.ca ? { ca: [...rootCertificates, settings.ca] } : {}),
    },
  })
}
