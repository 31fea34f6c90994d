import { connect, type Socket } from 'node:net'
import { rawCall } from './raw-client.ts'

/** What one of a crowd does once it is connected. */
export type Act = (socket: Socket) => void

export type Crowd = {
  /** Those whose connection is still open. */
  left(): number
  /** Resolves once nobody is left, with the milliseconds that took from when all were there. */
  readonly gone: Promise<number>
  /** Cuts whoever is left. */
  close(): void
}

/** So many connections that all do the same; answers once each of them is open, or closed already. */
export async function gather(port: number, count: number, act: Act): Promise<Crowd> {
  const open = new Set<Socket>()
  const ends: Promise<void>[] = []
  const joined: Promise<void>[] = []
  for (let index = 0; index < count; index++) {
    const socket = connect({ port, host: '127.0.0.1' })
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('connect', () => act(socket))
    ends.push(new Promise((resolve) => socket.once('close', () => resolve(void open.delete(socket)))))
    joined.push(new Promise((resolve) => socket.once('connect', resolve).once('close', () => resolve())))
  }
  await Promise.all(joined)
  const began = performance.now()
  return {
    left: () => open.size,
    gone: Promise.all(ends).then(() => performance.now() - began),
    close: () => {
      for (const socket of open) socket.destroy()
    },
  }
}

function drip(socket: Socket, bytes: string, everyMs: number): void {
  const timer = setInterval(() => socket.write(bytes), everyMs)
  socket.once('close', () => clearInterval(timer))
}

/** A head that comes byte by byte and never ends. */
export function slowHead(everyMs: number): Act {
  return (socket) => {
    socket.resume()
    socket.write('POST /sd/v2beta/stable-image/generate/core HTTP/1.1\r\nx-slow: ')
    drip(socket, 'x', everyMs)
  }
}

/** A body of that announced length that comes byte by byte. */
export function slowBody(secret: string, bytes: number, everyMs: number): Act {
  const { head } = rawCall(secret, { 'content-length': String(bytes) })
  return (socket) => {
    socket.resume()
    socket.write(head)
    drip(socket, 'x', everyMs)
  }
}

/** A whole call whose answer nobody reads; what it goes on sending shows that it is there, and when it was cut. */
export function stalledReader(secret: string, body: Buffer, everyMs: number): Act {
  const { whole } = rawCall(secret, {}, { body })
  return (socket) => {
    socket.pause()
    socket.write(whole)
    drip(socket, '\r\n', everyMs)
  }
}
