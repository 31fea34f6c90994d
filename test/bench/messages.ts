const headEnd = Buffer.from('\r\n\r\n')

/**
 * Reads one HTTP/1.1 message after another off a connection: it keeps the head, counts the body's bytes, and costs little
 * (RFC 9112, sections 6 and 7). A message without a length has no body.
 */
export class Messages {
  readonly #done: (head: string, bodyBytes: number) => void
  #state: 'head' | 'body' | 'size' | 'chunk' | 'trailer' = 'head'
  #text = ''
  #head = ''
  #bodyBytes = 0
  #left = 0

  constructor(done: (head: string, bodyBytes: number) => void) {
    this.#done = done
  }

  /** The bytes are read before this returns, so that their buffer may be used again. */
  feed(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#state === 'head') at = this.#readHead(bytes, at)
      else if (this.#state === 'body' || this.#state === 'chunk') at = this.#skip(bytes, at)
      else at = this.#readLine(bytes, at)
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const whole = this.#text === '' ? bytes.indexOf(headEnd, at) : -1
    if (whole >= 0) return this.#begin(bytes.toString('latin1', at, whole), whole + headEnd.length)
    // Heads seldom come in pieces, so these may be looked through again.
    const before = this.#text.length
    this.#text += bytes.toString('latin1', at)
    const end = this.#text.indexOf('\r\n\r\n')
    if (end < 0) return bytes.length
    return this.#begin(this.#text.slice(0, end), at + end + headEnd.length - before)
  }

  #begin(head: string, at: number): number {
    this.#text = ''
    this.#head = head
    this.#bodyBytes = 0
    this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
    const chunked = this.#left === 0 && /\r\ntransfer-encoding: *chunked/i.test(head)
    this.#state = chunked ? 'size' : 'body'
    if (!chunked && this.#left === 0) this.#end()
    return at
  }

  #skip(bytes: Buffer, at: number): number {
    const taken = Math.min(this.#left, bytes.length - at)
    this.#left -= taken
    if (this.#state === 'body') {
      this.#bodyBytes += taken
      if (this.#left === 0) this.#end()
    } else if (this.#left === 0) this.#state = 'size'
    return at + taken
  }

  #readLine(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(10, at)
    this.#text += bytes.toString('latin1', at, end < 0 ? bytes.length : end)
    if (end < 0) return bytes.length
    const line = this.#text.trimEnd()
    this.#text = ''
    if (this.#state === 'trailer') {
      if (line === '') this.#end()
    } else this.#beginChunk(Number.parseInt(line, 16))
    return end + 1
  }

  #beginChunk(size: number): void {
    this.#state = size > 0 ? 'chunk' : 'trailer'
    this.#bodyBytes += size
    // The CRLF behind the data goes with it.
    this.#left = size + 2
  }

  #end(): void {
    this.#state = 'head'
    this.#done(this.#head, this.#bodyBytes)
  }
}
