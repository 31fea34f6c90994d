import { createServer } from 'node:http'
import { Problem } from './errors.ts'
import { everyReply } from './every-reply.ts'
import { newId } from './ids.ts'
import { problemJson } from './problem-json.ts'

/**
 * Answers while the database is still waited for: the process is healthy, nothing is ready, and no call is taken.
 * Throws the error of `listen`.
 */
export async function openWaitingRoom(host: string, port: number): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const healthy = request.url === '/health'
    const ready = { status: 'not_ready', reason: 'database' }
    const id = newId('call')
    const told = request.url === '/ready' ? ready : problemJson(new Problem('ledger_unavailable'), id)
    const type = healthy || request.url === '/ready' ? 'application/json' : 'application/problem+json'
    response.writeHead(healthy ? 200 : 503, {
      ...{ ...everyReply, 'content-type': `${type}; charset=utf-8`, 'x-request-id': id },
      ...(healthy ? {} : { 'retry-after': '1' }),
      connection: 'close',
    })
    response.end(JSON.stringify(healthy ? { status: 'ok' } : told))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
