import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import { Problem } from './errors.ts'
import { everyReply } from './every-reply.ts'
import { newId } from './ids.ts'
import { problemJson } from './problem-json.ts'
import { endStandstill } from './standstill.ts'

/** How long a connection that is being closed is still read from. */
const lingerMs = 5_000
/** Bodies up to this size are read to their end, so that the connection can serve the next request. */
const skippedBytes = 64 * 1024

type Reader = { readonly request: IncomingMessage; readonly tell: (problem: BrokenUpload) => void }

// What is kept for every request is kept with its connection: what a weak map refers to by a request of its own outlives
// the collections of young objects.
const latest = new WeakMap<Socket, ServerResponse>()
const readers = new WeakMap<Socket, Reader>()
const leaving = new WeakSet<Socket>()
const waiting = new WeakMap<IncomingMessage, ServerResponse>()
const broken = new WeakMap<IncomingMessage, BrokenUpload>()

/** What a caller did, for the log. */
export type ClientAct =
  | 'client_slow_head'
  | 'client_slow_upload'
  | 'client_aborted_upload'
  | 'client_bad_http'
  | 'client_aborted_before_dispatch'
  | 'client_aborted_after_dispatch'
  | 'client_aborted_download'
  | 'client_slow_download'

/** A request of which no more can be read, although its sender may still be listening. */
export class BrokenUpload extends Problem {
  readonly act: ClientAct

  constructor(error: NodeJS.ErrnoException, inBody: boolean, sentence?: string) {
    const { code } = error
    const late = code === 'ERR_HTTP_REQUEST_TIMEOUT'
    const short = code === 'HPE_INVALID_EOF_STATE'
    const name = late ? 'request_timeout' : code === 'HPE_HEADER_OVERFLOW' ? 'headers_too_large' : 'bad_request'
    const told = short && inBody ? 'The body ended before it was whole.' : sentence
    super(name, told === undefined ? {} : { sentence: told })
    const slow = inBody ? 'client_slow_upload' : 'client_slow_head'
    this.act = late ? slow : short ? 'client_aborted_upload' : 'client_bad_http'
  }
}

/** A server whose callers have to complete head and body in time, a head alone in a third of it. */
export function openServer(handler: RequestListener, requestTimeoutMs: number, keepAliveMs = 65_000): Server {
  const headMs = Math.ceil(requestTimeoutMs / 3)
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: headMs,
    connectionsCheckingInterval: 500,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
    // Node's own refusal has no body; ours is in `faultInHead`.
    requireHostHeader: false,
  }
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    // Nothing that follows a reply which ends the connection may be worked on (RFC 9112 section 9.6).
    if (leaving.has(request.socket)) return void request.socket.destroy()
    latest.set(request.socket, response)
    handler(request, response)
  }
  const server = createServer(options, serve)
  // Node drops the headers beyond a count silently; their size is bounded above.
  server.maxHeadersCount = 0
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.set(request, response)
    serve(request, response)
  })
  server.on('checkExpectation', serve)
  // Who begins another request in the last moment of an idle connection still has the time for its head.
  const idleMs = keepAliveMs + headMs + 2000
  const patience = { readerMs: requestTimeoutMs, idleMs, headMs, bodyMs: requestTimeoutMs }
  endStandstill(server, patience, lastOn, (socket) => server.emit('clientError', tooLate(), socket))
  return server
}

const lastOn = (socket: Socket) => latest.get(socket)

/** What Node itself says of a request that is not whole in time. */
function tooLate(): Error {
  return Object.assign(new Error('the request was not whole in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
}

/** For an upload that has to make room for others before its time is over. */
export function tooSlow(): BrokenUpload {
  return new BrokenUpload(tooLate(), true, 'The body came too slowly while others needed its room.')
}

/** Tells a caller who asked `Expect: 100-continue` to go on, once nothing in the head was refused (RFC 9110 section 10.1.1). */
export function grantContinue(request: IncomingMessage): void {
  waiting.get(request)?.writeContinue()
  waiting.delete(request)
}

/** Says what is wrong with a head that Node lets pass although two servers could read it differently, or undefined. */
export function faultInHead({ headers, rawHeaders, httpVersion, url = '' }: IncomingMessage): string | undefined {
  // Node reads any version it can parse as if it were 1.1.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'version: must be HTTP/1.1'
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts++
  }
  if (hosts !== 1 || !/^[^\s/?#@,]+$/.test(headers.host ?? '')) return 'host: must be sent once and name one host'
  if (!url.startsWith('/')) return 'request target: must be a path'
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion !== '1.1')) {
    return 'transfer-encoding: must be chunked, and in HTTP/1.1 only'
  }
  const { expect } = headers
  return expect === undefined || /^100-continue$/i.test(expect) ? undefined : 'expect: must be 100-continue'
}

/** Why the body of this request cannot become whole, once that is known. */
export function brokenUpload(request: IncomingMessage): BrokenUpload | undefined {
  return broken.get(request)
}

/** Hears of a body that cannot become whole; the last one to ask is told. */
export function onBrokenUpload(request: IncomingMessage, tell: (problem: BrokenUpload) => void): void {
  // By now another request may have followed on the connection, whose reader this one must not replace.
  if (!request.complete) readers.set(request.socket, { request, tell })
}

/** Whether the reply to this request has to be the last on its connection, which then closes once it is out. */
export function endsConnection(request: IncomingMessage): boolean {
  if (!leaving.has(request.socket) && !isUnread(request)) return false
  closeGently(request.socket)
  return true
}

/** Whether the rest of the body is not worth reading, or may never come since it was not asked for. */
function isUnread({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false
  // This connection ends with the reply whatever its length, and its caller may still be sending then.
  if (/\bclose\b/i.test(headers.connection ?? '')) return true
  if (headers.expect !== undefined || headers['transfer-encoding'] !== undefined) return true
  return Number(headers['content-length'] ?? 0) > skippedBytes
}

// A socket closed over unread bytes is reset, and the reply may be lost with it (RFC 9112 section 9.6).
function closeGently(socket: Socket): void {
  if (leaving.has(socket)) return
  leaving.add(socket)
  socket.destroySoon = () => {
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Answers requests that cannot be read to their end: through their door, or here where none has seen them. */
export function brokenRequests(log: Logger) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else if (!leaving.has(socket)) {
      closeGently(socket)
      refuseBroken(error, socket, log)
    }
  }
}

function refuseBroken(error: NodeJS.ErrnoException, socket: Socket, log: Logger): void {
  const last = latest.get(socket)
  if (last && !last.req.complete) refuseUnread(last, new BrokenUpload(error, true))
  else if (last && !last.writableFinished) finishFirst(last, socket)
  else {
    const problem = new BrokenUpload(error, false)
    const level = socket.bytesRead > 0 ? 'info' : 'debug'
    log[level]({ reason: problem.act, code: error.code }, 'a request could not be read')
    say(socket, problem)
  }
}

function refuseUnread({ req, headersSent }: ServerResponse, problem: BrokenUpload): void {
  broken.set(req, problem)
  // Where it was answered already, a second answer would be taken for another request's.
  if (headersSent) req.socket.destroySoon()
  else {
    const reader = readers.get(req.socket)
    if (reader?.request === req) reader.tell(problem)
  }
}

/** What came behind a whole request cannot be read; its own answer must not suffer. */
function finishFirst(response: ServerResponse, socket: Socket): void {
  if (response.headersSent) response.once('finish', () => socket.destroySoon())
  else response.shouldKeepAlive = false
}

function say(socket: Socket, problem: Problem): void {
  const id = newId('call')
  const body = JSON.stringify({ ...problemJson(problem, id), id, errors: problem.errors })
  const head = [
    `HTTP/1.1 ${problem.status} ${reasonPhrases[problem.status] ?? 'Error'}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(everyReply).map(([name, value]) => `${name}: ${value}`),
    ...[`x-request-id: ${id}`, 'connection: close'],
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
