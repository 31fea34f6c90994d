import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { Pool } from 'undici'
import { openStandIn, type StandIn } from './stand-in.ts'

const boundary = 'a-boundary'

/** A multipart form of text parts. */
export function form(fields: Record<string, string>): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return Buffer.from(`${parts.join('')}--${boundary}--\r\n`)
}

/** A stand-in that closes with the test; the test fails if that fails. */
export async function opened(t: TestContext, options?: Parameters<typeof openStandIn>[0]): Promise<StandIn> {
  const standIn = await openStandIn(options)
  t.after(() => standIn.close())
  return standIn
}

/** An honest client with one connection, gone with the test. */
export function pooled(t: TestContext, origin: string, ca?: string): Pool {
  const pool = new Pool(origin, { connections: 1, allowH2: false, headersTimeout: 5_000, connect: { ca } })
  t.after(() => pool.destroy())
  return pool
}

/** One call, its answer read whole; rejects as the client does when the answer breaks. */
export async function send(pool: Pool, body: Buffer, accept = 'image/*', token = 'sk-one') {
  const headers = {
    accept,
    authorization: `Bearer ${token}`,
    'content-type': `multipart/form-data; boundary=${boundary}`,
  }
  const answer = await pool.request({ method: 'POST', path: '/v2beta/core', headers, body })
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) }
}

/** The bytes as they go over the wire with a length of their own. */
export function wire(body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`POST /core HTTP/1.1\r\nHost: here\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ])
}

/** Writes the pieces, reads to the end, and says which end it was. */
export function converse(port: number, ...pieces: Buffer[]): Promise<{ text: string; end: 'fin' | 'reset' }> {
  return new Promise((resolve) => {
    const heard: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const done = (end: 'fin' | 'reset') => resolve({ text: Buffer.concat(heard).toString('latin1'), end })
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
    socket.on('end', () => done('fin'))
    socket.on('error', () => done('reset'))
    socket.setNoDelay(true)
    for (const piece of pieces) socket.write(piece)
  })
}
