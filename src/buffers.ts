/** Smaller ones cost less to make than to keep. */
export const leastReused = 128 * 1024
const mostIdleBytes = 128 * 1024 * 1024
/** How often those that are idle are forgotten. */
const idleMs = 10_000
/** Less is not worth freeing; slices of the memory that small buffers share are smaller. */
const leastFreed = 16 * 1024

/**
 * Large buffers that are used again. Fresh ones would count as garbage by the hundred megabytes a second, and Node would
 * go through all it has in memory several times a second to find them.
 */
export function openBuffers() {
  const idle = new Map<number, ArrayBuffer[]>()
  const taken = new WeakSet<ArrayBufferLike>()
  let idleBytes = 0
  let forgetting = false

  /** A buffer of that length; what is in it before it is written to is anybody's. */
  function take(bytes: number): Buffer {
    if (bytes < leastReused) return Buffer.allocUnsafe(bytes)
    const room = roomFor(bytes)
    const memory = idle.get(room)?.pop()
    if (memory) idleBytes -= room
    const buffer = memory ? Buffer.from(memory, 0, bytes) : Buffer.allocUnsafeSlow(room).subarray(0, bytes)
    taken.add(buffer.buffer)
    return buffer
  }

  /** From now on nobody else may read the buffer, or any part of it. Safe to ask again. */
  function giveBack({ buffer: memory }: Buffer): void {
    if (!taken.delete(memory) || idleBytes + memory.byteLength > mostIdleBytes) return
    const same = idle.get(memory.byteLength) ?? []
    idle.set(memory.byteLength, same)
    same.push(memory as ArrayBuffer)
    idleBytes += memory.byteLength
    if (!forgetting) setTimeout(forget, idleMs).unref()
    forgetting = true
  }

  function forget(): void {
    forgetting = false
    idle.clear()
    idleBytes = 0
  }

  return { take, giveBack, idleBytes: () => idleBytes }
}

/** One for all bodies of calls, forms and answers. */
export const bodies = openBuffers()

/** Frees what was read and copied at once, rather than when Node looks for garbage. Nobody may read the buffer any more. */
export function discard({ buffer: memory, length }: Buffer): void {
  if (length >= leastFreed && memory.byteLength === length) (memory as ArrayBuffer).transfer(0)
}

/** The next power of two, so that bodies of about the same length share their buffers; pages never touched cost nothing. */
function roomFor(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes))
}
