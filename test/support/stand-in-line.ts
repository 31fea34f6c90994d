import type { Socket } from 'node:net'

/**
 * One TCP connection as the modes see it. What `hearing` means for the bytes that come in: `serve` reads and answers
 * requests, `note` reads them and stays silent, `stale` resets the connection at the first of them.
 */
export type Line = {
  readonly connection: number
  hearing: 'serve' | 'note' | 'stale'
  say(bytes: Buffer | string): void
  /** Sends FIN after all that was said. */
  hangUp(): void
  /** Sends RST at once. */
  reset(): void
  /** Stops reading, so that the other side's window fills. */
  freeze(): void
  later(ms: number, act: () => void): void
  every(ms: number, act: () => void): void
  /** Says the bytes in pieces of `size`, one every `ms`, and then does `after`. */
  drip(bytes: Buffer, size: number, ms: number, after?: () => void): void
  /** Says `block` again and again, as fast as it is read, until `bytes` have been said. */
  pour(block: Buffer, bytes: number): void
}

/** `raw` is the TCP socket, `socket` the same or the TLS socket over it. Timers end with the connection. */
export function openLine(raw: Socket, socket: Socket, connection: number): Line {
  const timers = new Set<NodeJS.Timeout>()
  // The other side leaving in any way is what the tests are about.
  for (const end of new Set([raw, socket])) end.on('error', () => {})
  raw.on('close', () => {
    for (const timer of timers) clearTimeout(timer)
    socket.destroy()
  })
  raw.setNoDelay(true)

  const line: Line = {
    connection,
    hearing: 'serve',
    say(bytes) {
      if (socket.writable) socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    },
    hangUp: () => void socket.end(),
    reset: () => void raw.resetAndDestroy(),
    freeze: () => void socket.pause(),
    later(ms, act) {
      if (raw.destroyed) return
      const timer = setTimeout(() => {
        timers.delete(timer)
        act()
      }, ms)
      timers.add(timer)
    },
    every(ms, act) {
      if (!raw.destroyed) timers.add(setInterval(act, ms))
    },
    drip(bytes, size, ms, after = () => {}) {
      if (bytes.length === 0) return after()
      line.say(bytes.subarray(0, size))
      line.later(ms, () => line.drip(bytes.subarray(size), size, ms, after))
    },
    pour(block, bytes) {
      if (!socket.writable || bytes <= 0) return
      const part = block.subarray(0, Math.min(block.length, bytes))
      socket.write(part, () => line.pour(block, bytes - part.length))
    },
  }
  return line
}
