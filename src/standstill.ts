import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

export type Patience = {
  /** A reader who makes no progress for so long is cut. */
  readonly readerMs: number
  /** A connection on which so long after a reply no other request has begun is closed. */
  readonly idleMs: number
  /** What was begun before the server closed has to be whole so long after it. */
  readonly headMs: number
  readonly bodyMs: number
}

type Line = {
  /** The reply on its way out. */
  reply: ServerResponse | undefined
  /** How long nothing has moved by now, or there has been nothing to move. */
  stillMs: number
  written: number
  queued: number
}

const lines = new WeakMap<Socket, Line>()
const cut = new WeakSet<ServerResponse>()

/** Whether a reply was cut because its reader stood still. */
export function wasCut(response: ServerResponse): boolean {
  return cut.has(response)
}

/** From now on the reader of this reply has to make progress. */
export function watchReader(response: ServerResponse): void {
  // A pipelined reply gets its socket once those before it are out.
  if (response.socket) begin(response, response.socket)
  else response.once('socket', (socket: Socket) => begin(response, socket))
}

function begin(response: ServerResponse, socket: Socket): void {
  const line = lines.get(socket)
  if (!line) return
  line.reply = response
  line.stillMs = 0
  response.once('finish', () => {
    line.stillMs = 0
    // A pipelined reply may have followed on it by now.
    if (line.reply === response) line.reply = undefined
  })
}

/**
 * Ends connections that are held open for nothing, in the cases that Node leaves: it has no time-out for a reader, any
 * byte that comes in moves its others, and once a server closes it looks after none. `last` tells of a connection the
 * reply to its newest request; `late` hears of a request that was not whole in time.
 */
export function endStandstill(
  server: Server,
  patience: Patience,
  last: (socket: Socket) => ServerResponse | undefined,
  late: (socket: Socket) => void,
): void {
  const open = new Map<Socket, Line>()
  server.on('connection', (socket: Socket) => {
    const line: Line = { reply: undefined, stillMs: 0, written: 0, queued: 0 }
    open.set(socket, line)
    lines.set(socket, line)
    socket.once('close', () => open.delete(socket))
  })
  const everyMs = Math.max(50, Math.min(1000, Math.floor(patience.readerMs / 5)))
  let lookedMs = performance.now()
  let closedMs = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    // While this process slept nobody could show any progress.
    const pastMs = Math.min(nowMs - lookedMs, 2 * everyMs)
    lookedMs = nowMs
    closedMs = server.listening ? 0 : closedMs + pastMs
    for (const [socket, line] of open) {
      line.stillMs += pastMs
      if (line.reply) cutReader(socket, line, patience)
      else if (isIdle(last(socket)) && line.stillMs > patience.idleMs) socket.destroy()
      else if (isLate(last(socket), closedMs, patience)) late(socket)
    }
  }, everyMs).unref()
  server.once('close', () => clearInterval(timer))
}

function isIdle(reply: ServerResponse | undefined): boolean {
  return reply?.writableFinished === true
}

function isLate(reply: ServerResponse | undefined, sinceCloseMs: number, { headMs, bodyMs }: Patience): boolean {
  if (!reply || reply.writableFinished) return sinceCloseMs > headMs
  return !reply.req.complete && sinceCloseMs > bodyMs
}

function cutReader(socket: Socket, line: Line, { readerMs }: Patience): void {
  const { bytesWritten, writeQueueSize } = queueOf(socket)
  // An empty queue waits for us, not for the reader.
  if (writeQueueSize === 0 || bytesWritten !== line.written || writeQueueSize !== line.queued) {
    Object.assign(line, { stillMs: 0, written: bytesWritten, queued: writeQueueSize })
  } else if (line.stillMs > readerMs) {
    if (line.reply) cut.add(line.reply)
    // The kernel would keep what was written for minutes, waiting for a window that never opens.
    socket.resetAndDestroy()
  }
}

type Queue = { readonly bytesWritten: number; readonly writeQueueSize: number }

/** What Node's own time-out of a write looks at; a socket tells nothing of a write that is half done. */
function queueOf(socket: Socket & { readonly _handle?: Queue | null }): Queue {
  return socket._handle ?? { bytesWritten: 0, writeQueueSize: 0 }
}
