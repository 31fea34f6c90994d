import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { bodies } from '../buffers.ts'
import { Gathered } from '../gathered.ts'
import { type Head, headersBack } from './headers.ts'

/** What came back for a parcel, or how nothing did. It is a value: throwing is for our own bugs. */
export type Answer = {
  /**
   * `whole`: the answer ended as its framing says. `cut`: it broke after the request went out. `silent`: time ran out
   * after the request went out. `unreached`: no byte of the request was sent. `unsent`: no token could take it.
   */
  readonly kind: 'whole' | 'cut' | 'silent' | 'unreached' | 'unsent'
  /** One word for the log, such as `upstream_headers_timeout`; empty for a whole answer. */
  readonly reason: string
  /** 0 when no head was read. */
  readonly status: number
  readonly head: Head | undefined
  readonly body: Buffer
}

/** An error's body is read for its words only. */
const errorBodyLimitBytes = 64 * 1024
const nothing = Buffer.alloc(0)

class TooLarge extends Error {}
export class DeadlinePassed extends Error {}

/** Reads one exchange with undici: the whole answer into one buffer, bounded, or the way it broke. */
export class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #limitBytes: number
  readonly #done: (answer: Answer) => void
  readonly #onHead: (headers: IncomingHttpHeaders) => void
  readonly #keeps: (bytes: number) => void
  #controller: Dispatcher.DispatchController | undefined
  #broken: Error | undefined
  #finished = false
  #sent = false
  #status = 0
  #head: Head | undefined
  #target: Buffer | undefined
  readonly #gathered: Gathered
  #read = 0

  /** `keeps` hears of bytes that are kept in memory: an announced length with the head, others as they are read. */
  constructor(
    limitBytes: number,
    onHead: (headers: IncomingHttpHeaders) => void,
    done: (answer: Answer) => void,
    keeps: (bytes: number) => void = () => undefined,
  ) {
    this.#limitBytes = limitBytes
    this.#gathered = new Gathered(limitBytes)
    this.#onHead = onHead
    this.#done = done
    this.#keeps = keeps
  }

  /** Ends the exchange now; a request that still waits for its connection is never sent. */
  abort(error: Error): void {
    if (this.#finished) return
    this.#broken ??= error
    if (this.#controller) this.#controller.abort(this.#broken)
    else this.onResponseError(undefined, this.#broken)
  }

  // undici calls this right before the first byte is written, and writes none when it throws.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#broken) throw this.#broken
    this.#controller = controller
    this.#sent = true
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController): void {
    controller.abort(new Error('the upstream answered with another protocol'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    this.#onHead(headers)
    this.#status = status
    this.#head = headersBack(headers)
    const { length } = this.#head
    if (length === undefined || status !== 200) return
    if (length > this.#limitBytes) controller.abort(new TooLarge())
    else {
      this.#keeps(length)
      this.#target = bodies.take(length)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // By now its buffer may be another answer's.
    if (this.#finished) return
    const start = this.#read
    this.#read += chunk.length
    if (this.#read > (this.#status === 200 ? this.#limitBytes : errorBodyLimitBytes)) controller.abort(new TooLarge())
    else if (this.#target) chunk.copy(this.#target, start)
    else {
      this.#keeps(chunk.length)
      this.#gathered.add(chunk)
    }
  }

  onResponseEnd(): void {
    this.#finish('whole', '', this.#target?.subarray(0, this.#read) ?? this.#gathered.whole())
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const cause = this.#broken ?? error
    const reason = this.#sent ? brokenAs(cause, this.#head !== undefined) : unreachedAs(cause)
    const silent = reason.endsWith('_timeout') || reason === 'upstream_deadline'
    this.#finish(!this.#sent ? 'unreached' : silent ? 'silent' : 'cut', reason, this.#gathered.whole())
  }

  #finish(kind: Answer['kind'], reason: string, body: Buffer = nothing): void {
    if (this.#finished) return
    this.#finished = true
    if (this.#target && kind !== 'whole') bodies.giveBack(this.#target)
    this.#done({ kind, reason, status: this.#status, head: this.#head, body })
  }
}

/** The answer when no token could take the parcel. */
export const unsent: Answer = { kind: 'unsent', reason: 'no_token', status: 0, head: undefined, body: nothing }

function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : ''
}

function unreachedAs(error: Error): string {
  const code = codeOf(error)
  if (error instanceof DeadlinePassed) return 'upstream_deadline'
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'upstream_connect_timeout'
  if (code === 'ECONNREFUSED') return 'upstream_connect_refused'
  if (code === 'EMFILE' || code === 'ENFILE') return 'no_descriptors'
  if (code === 'ENOTFOUND' || code.startsWith('EAI_') || code === 'ESERVFAIL') return 'upstream_dns'
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/.test(code))
    return 'upstream_tls'
  return code === 'ECONNRESET' ? 'upstream_reset' : 'upstream_connect_failed'
}

function brokenAs(error: Error, headSeen: boolean): string {
  const code = codeOf(error)
  if (error instanceof DeadlinePassed) return 'upstream_deadline'
  if (error instanceof TooLarge) return 'upstream_too_large'
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return 'upstream_headers_timeout'
  if (code === 'UND_ERR_BODY_TIMEOUT') return 'upstream_body_timeout'
  const lost = code === 'ECONNRESET' || code === 'EPIPE' || error.message.includes('other side closed')
  if (lost && !headSeen) return code === 'UND_ERR_SOCKET' ? 'upstream_closed' : 'upstream_reset'
  return lost ? 'upstream_incomplete_body' : 'upstream_bad_protocol'
}
