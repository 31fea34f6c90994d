/**
 * The stand-in of the benches: Stability's good answers from prepared bytes, on raw sockets. With faults, one request in
 * twenty gets one: an error 500, a reset, half an answer, or a filtered picture, in turn.
 * node test/bench/light-upstream.ts small|picture [faults]; it tells its port, and its tally when asked.
 */
import { createServer, type Socket } from 'node:net'
import { Messages } from './messages.ts'
import { type AnswerKind, answerMessage } from './parcels.ts'

export const faults = ['500', 'reset', 'truncated', 'filtered'] as const
export type Fault = (typeof faults)[number]
/** What it has answered so far. */
export type Tally = { readonly requests: number } & Readonly<Record<Fault, number>>

const faultEvery = 20

const purse = jsonMessage('200 OK', { credits: 1_000_000_000 })
const failure = jsonMessage('500 Internal Server Error', { id: 'a', name: 'internal_error', errors: ['Gone wrong.'] })

function serve(kind: AnswerKind, faulty: boolean): void {
  const tally = { requests: 0, '500': 0, reset: 0, truncated: 0, filtered: 0 }
  const good = answerMessage(kind)
  const acts: Record<Fault, (socket: Socket) => void> = {
    '500': (socket) => socket.write(failure),
    reset: (socket) => socket.resetAndDestroy(),
    truncated: (socket) => socket.end(good.subarray(0, good.length / 2)),
    filtered: (socket) => socket.write(filtered),
  }
  const filtered = answerMessage(kind, 'CONTENT_FILTERED')

  function answer(socket: Socket, head: string): void {
    // A house may ask for the balance of its token now and then, which is no call.
    if (!head.startsWith('POST ')) return void socket.write(purse)
    tally.requests++
    const fault = faulty && tally.requests % faultEvery === 0 && faults[(tally.requests / faultEvery) % faults.length]
    if (!fault) return void socket.write(good)
    tally[fault]++
    acts[fault](socket)
  }

  const server = createServer({ noDelay: true }, (socket) => {
    const messages = new Messages((head) => answer(socket, head))
    socket.on('data', (bytes: Buffer) => messages.feed(bytes))
    socket.on('error', () => socket.destroy())
  })
  // Connections of the rounds before end in bursts.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('The stand-in has no port.')
    process.send?.({ port: address.port })
  })
  process.on('message', () => process.send?.(tally))
  process.once('disconnect', () => process.exit(0))
}

function jsonMessage(status: string, content: object): Buffer {
  const body = JSON.stringify(content)
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.from(head + body)
}

if (import.meta.main) serve(process.argv[2] === 'picture' ? 'picture' : 'small', process.argv[3] === 'faults')
