const leastBytes = 4096

/**
 * Pieces of unknown total length in one growing buffer. Kept one by one, single bytes would cost their receiver a
 * hundred times what they cost their sender.
 */
export class Gathered {
  readonly #mostBytes: number
  #target = Buffer.alloc(0)
  #length = 0

  /** Never more than `mostBytes` are given to it. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#target.length) this.#grow(length)
    piece.copy(this.#target, this.#length)
    this.#length = length
  }

  /** All that was added, without a copy. */
  whole(): Buffer {
    return this.#target.subarray(0, this.#length)
  }

  #grow(least: number): void {
    const room = Math.min(Math.max(2 * this.#target.length, leastBytes), this.#mostBytes)
    const larger = Buffer.allocUnsafeSlow(Math.max(room, least))
    this.#target.copy(larger, 0, 0, this.#length)
    this.#target = larger
  }
}
