/** Keep-alive connections that each send the same request again and again. */
import { connect } from 'node:net'
import { Messages } from './messages.ts'

export type Heard = {
  /** An answer came whole. */
  answered(status: string, bodyBytes: number, ms: number): void
  /** A connection ended, with or without a call on it. */
  broken(why: string): void
}

export type Sending = {
  readonly port: number
  readonly request: Buffer
  /** How many calls are under way at once. */
  readonly inFlight: number
  /** Milliseconds between two requests of one lane; 0 sends the next at once. */
  readonly paceMs: number
  readonly mostCalls: number
}

type Lane = { send(): void; close(): void }

const reopenMs = 5
// One buffer for all: what is in it has been looked at when the callback returns.
const incoming = Buffer.allocUnsafeSlow(256 * 1024)

export class Lanes {
  readonly #order: Sending
  readonly #heard: Heard
  readonly #open = new Set<Lane>()
  #dueMs = performance.now()
  #sent = 0
  #busy = 0
  #over = false
  #idle = (): void => undefined
  /** Resolves when the last call under way has ended and none follows. */
  readonly drained = new Promise<void>((resolve) => {
    this.#idle = resolve
  })

  constructor(order: Sending, heard: Heard) {
    this.#order = order
    this.#heard = heard
    for (let index = 0; index < order.inFlight; index++) this.#next(this.#lane())
  }

  get busy(): number {
    return this.#busy
  }

  /** Sends nothing more; what is under way is waited for. */
  stop(): void {
    this.#over = true
  }

  close(): void {
    this.#over = true
    for (const lane of this.#open) lane.close()
  }

  #next(lane: Lane): void {
    const { mostCalls, paceMs } = this.#order
    if (this.#over || this.#sent >= mostCalls) {
      if (this.#busy === 0) this.#idle()
      return
    }
    this.#sent++
    this.#busy++
    if (paceMs === 0) {
      lane.send()
      return
    }
    // A slow answer delays the next call, and none is made up for.
    const nowMs = performance.now()
    this.#dueMs = Math.max(this.#dueMs + paceMs, nowMs - paceMs)
    setTimeout(() => lane.send(), Math.max(0, this.#dueMs - nowMs))
  }

  #lane(): Lane {
    const lane = openLane(this.#order, {
      answered: (status, bytes, ms) => {
        this.#heard.answered(status, bytes, ms)
        this.#busy--
        this.#next(lane)
      },
      broken: (why, midway) => {
        this.#open.delete(lane)
        // A server may close what has been idle for long while the last calls of others end.
        if (midway || !this.#over) this.#heard.broken(why)
        if (!midway) return
        this.#busy--
        setTimeout(() => this.#next(this.#over ? lane : this.#lane()), reopenMs)
      },
    })
    this.#open.add(lane)
    return lane
  }
}

type LaneHeard = Pick<Heard, 'answered'> & { broken(why: string, midway: boolean): void }

function openLane({ port, request }: Sending, { answered, broken }: LaneHeard): Lane {
  let sentMs = 0
  let waiting = false
  let closed = false
  const messages = new Messages((head, bytes) => {
    if (head.startsWith('HTTP/1.1 1')) return
    waiting = false
    answered(head.slice(9, 12), bytes, performance.now() - sentMs)
  })
  const callback = (count: number, buffer: Uint8Array): boolean => {
    messages.feed(Buffer.from(buffer.buffer, buffer.byteOffset, count))
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer: incoming, callback } })
  let why = 'the connection was closed'
  socket.on('error', (error) => {
    why = error.message
  })
  socket.on('close', () => {
    if (!closed) broken(why, waiting)
  })

  return {
    send() {
      if (socket.destroyed) return broken(why, true)
      sentMs = performance.now()
      waiting = true
      socket.write(request)
    },
    close() {
      closed = true
      socket.destroy()
    },
  }
}
