/** Smaller ones cost less to make than to keep. */
export const leastReused = 128 * 1024
const mostIdleBytes = 128 * 1024 * 1024
/** Those that nobody needed for so long are freed. */
const idleMs = 10_000
/** Less is not worth freeing; slices of the memory that small buffers share are smaller. */
const leastFreed = 16 * 1024

/** Buffers of one length that nobody uses, and how many of them nobody has used since the last look. */
type Shelf = { readonly memories: ArrayBuffer[]; spare: number }

/**
 * Large buffers that are used again. Fresh ones would count as garbage by the hundred megabytes a second, and Node would
 * go through all it has in memory several times a second to find them.
 */
export function openBuffers() {
  const shelves = new Map<number, Shelf>()
  const taken = new WeakSet<ArrayBufferLike>()
  let idleBytes = 0
  let looking = false

  /** A buffer of that length; what is in it before it is written to is anybody's. */
  function take(bytes: number): Buffer {
    if (bytes < leastReused) return Buffer.allocUnsafe(bytes)
    const room = roomFor(bytes)
    const memory = fromShelf(room)
    const buffer = memory ? Buffer.from(memory, 0, bytes) : Buffer.allocUnsafeSlow(room).subarray(0, bytes)
    taken.add(buffer.buffer)
    return buffer
  }

  function fromShelf(room: number): ArrayBuffer | undefined {
    const shelf = shelves.get(room)
    const memory = shelf?.memories.pop()
    if (!shelf || !memory) return undefined
    idleBytes -= room
    shelf.spare = Math.min(shelf.spare, shelf.memories.length)
    return memory
  }

  /** From now on nobody else may read the buffer, or any part of it. Safe to ask again. */
  function giveBack({ buffer: memory }: Buffer): void {
    if (!taken.delete(memory) || idleBytes + memory.byteLength > mostIdleBytes) return
    const shelf = shelves.get(memory.byteLength) ?? { memories: [], spare: 0 }
    shelves.set(memory.byteLength, shelf)
    shelf.memories.push(memory as ArrayBuffer)
    idleBytes += memory.byteLength
    lookLater()
  }

  function lookLater(): void {
    if (!looking) setTimeout(freeSpare, idleMs).unref()
    looking = true
  }

  /** Under a steady load none is spare; forgotten rather than kept they would be made anew, and memory would swing. */
  function freeSpare(): void {
    looking = false
    for (const shelf of shelves.values()) {
      for (const memory of shelf.memories.splice(0, shelf.spare)) {
        idleBytes -= memory.byteLength
        memory.transfer(0)
      }
      shelf.spare = shelf.memories.length
    }
    if (idleBytes > 0) lookLater()
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
