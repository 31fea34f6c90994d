import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { until } from './raw-client.ts'

export type Letter = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly atMs: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What a receiver does with a letter. */
export type Manner = (response: ServerResponse, request: IncomingMessage) => void

export const says =
  (status: number, headers: Record<string, string> = {}): Manner =>
  (response) =>
    void response.writeHead(status, headers).end('thank you')

export type Receiver = {
  readonly url: string
  /** What came, oldest first. */
  readonly letters: readonly Letter[]
  /** From the next letter on. */
  behave(manner: Manner): void
  /** Waits for so many letters and answers them all. */
  waitFor(count: number): Promise<readonly Letter[]>
  /** Fails unless the library of the specification takes every letter's signature with this secret. */
  verified(secret: string): void
}

/** A real receiver on loopback, gone with the test. */
export async function receiver(t: TestContext, first: Manner = says(204)): Promise<Receiver> {
  const letters: Letter[] = []
  let manner = first
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      letters.push(letterOf(request, Buffer.concat(chunks).toString('utf8')))
      manner(response, request)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    url: `http://127.0.0.1:${address.port}/hooks`,
    letters,
    behave(next) {
      manner = next
    },
    async waitFor(count) {
      await until(`${count} letters`, () => letters.length >= count)
      return letters
    },
    verified(secret) {
      for (const { body, headers } of letters) new Webhook(secret).verify(body, headers)
    },
  }
}

function letterOf(request: IncomingMessage, body: string): Letter {
  const { type, data } = JSON.parse(body) as Pick<Letter, 'type' | 'data'>
  const single = Object.entries(request.headers).map(([name, value]) => [name, String(value)])
  return { path: request.url ?? '', headers: Object.fromEntries(single), body, atMs: performance.now(), type, data }
}
