import { createHash } from 'node:crypto'

/** One request as the stand-in saw it; `complete` says whether all of it was read. */
export type Call = {
  method: string
  path: string
  /** By lower-cased name; values of a repeated header are joined with a comma. */
  headers: Record<string, string>
  /** Name, value, name, value, as they stood on the wire. */
  rawHeaders: string[]
  body: Buffer
  sha256: string
  /** What stood behind `Bearer`, or the bare header. */
  token: string
  prompt: string
  mode: string
  complete: boolean
  /** Whether the stand-in made a picture for it, which the real upstream would bill. */
  generated: boolean
  connection: number
}

/** `head` says whether the body is wanted; where it is not, nothing more is read from the connection. */
type Hearer = { first(call: Call): void; head(call: Call): boolean; whole(call: Call): void }
type BodyReader = { take(bytes: Buffer): Buffer; done(): boolean; bytes(): Buffer }

/** Cuts a connection's bytes into requests and tells at the first byte, at the end of the head and at the end. */
export function openReader(connection: number, hearer: Hearer) {
  let pending: Buffer = Buffer.alloc(0)
  let call: Call | undefined
  let body: BodyReader | undefined
  let stopped = false

  function begin(): Call {
    const begun = emptyCall(connection)
    hearer.first(begun)
    return begun
  }

  /** Says whether it got any further with what is there. */
  function step(): boolean {
    if (!call) {
      if (pending.length === 0) return false
      call = begin()
    }
    if (!body) {
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return false
      readHead(call, pending.toString('latin1', 0, end))
      pending = pending.subarray(end + 4)
      body = bodyReader(call)
      stopped = !hearer.head(call)
      if (stopped) return false
    }
    const before = pending.length
    pending = body.take(pending)
    if (!body.done()) return pending.length < before
    finish(call, body)
    return true
  }

  function finish(whole: Call, read: BodyReader): void {
    call = undefined
    body = undefined
    whole.complete = true
    keepBody(whole, read)
    hearer.whole(whole)
  }

  return {
    feed(bytes: Buffer): void {
      if (stopped) return
      pending = Buffer.concat([pending, bytes])
      while (step());
    },
    /** Keeps what there is of a request that was broken off. */
    end(): void {
      if (call && body) keepBody(call, body)
    },
  }
}

/** The value of a text part of a multipart form, found by plain search; empty when there is none. */
export function fieldOf(body: Buffer, name: string): string {
  const found = new RegExp(`[;\\s]name="?${name}"?[^]*?\\r\\n\\r\\n([^]*?)\\r\\n--`).exec(body.toString('latin1'))
  return Buffer.from(found?.[1] ?? '', 'latin1').toString()
}

function emptyCall(connection: number): Call {
  const nothing = { method: '', path: '', headers: {}, rawHeaders: [], body: Buffer.alloc(0), sha256: '' }
  return { ...nothing, token: '', prompt: '', mode: '', complete: false, generated: false, connection }
}

function readHead(call: Call, head: string): void {
  const [start = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = start.split(' ')
  Object.assign(call, { method, path })
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    call.rawHeaders.push(name, value)
    const before = call.headers[name.toLowerCase()]
    call.headers[name.toLowerCase()] = before === undefined ? value : `${before}, ${value}`
  }
  call.token = (call.headers.authorization ?? '').replace(/^Bearer /i, '')
}

function keepBody(call: Call, body: BodyReader): void {
  call.body = body.bytes()
  call.sha256 = createHash('sha256').update(call.body).digest('hex')
  call.prompt = fieldOf(call.body, 'prompt')
}

function bodyReader(call: Call): BodyReader {
  if (call.headers['transfer-encoding'] !== undefined) return chunkedBody()
  return measuredBody(Number(call.headers['content-length'] ?? 0))
}

function measuredBody(length: number): BodyReader {
  const parts: Buffer[] = []
  let left = length
  return {
    take(bytes) {
      const part = bytes.subarray(0, left)
      parts.push(part)
      left -= part.length
      return bytes.subarray(part.length)
    },
    done: () => left === 0,
    bytes: () => Buffer.concat(parts),
  }
}

function chunkedBody(): BodyReader {
  const parts: Buffer[] = []
  let part: BodyReader | undefined
  let last = false
  let done = false

  function takeLine(bytes: Buffer): Buffer {
    const end = bytes.indexOf('\r\n')
    if (end < 0) return bytes
    const line = bytes.toString('latin1', 0, end)
    // After the last chunk come trailers and an empty line; between chunks stands an empty line too.
    if (last) done = line === ''
    else if (line !== '') {
      const size = Number.parseInt(line, 16)
      last = size === 0
      if (!last) part = measuredBody(size)
    }
    return bytes.subarray(end + 2)
  }

  function takePart(bytes: Buffer, into: BodyReader): Buffer {
    const rest = into.take(bytes)
    if (into.done()) {
      parts.push(into.bytes())
      part = undefined
    }
    return rest
  }

  return {
    take: (bytes) => (part ? takePart(bytes, part) : takeLine(bytes)),
    done: () => done,
    bytes: () => Buffer.concat(part ? [...parts, part.bytes()] : parts),
  }
}
