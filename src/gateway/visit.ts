import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Offer } from '../catalog/offer.ts'
import type { ClientAct } from '../connections.ts'
import { formatCredits } from '../credits.ts'
import type { Problem } from '../errors.ts'
import type { Identity } from '../keys/keys.ts'
import type { Load } from '../limits/bytes.ts'
import type { Metrics } from '../metrics.ts'
import { wasCut } from '../standstill.ts'
import type { Trace, Tracing } from '../tracing.ts'
import type { Served } from './call.ts'

/** Who hears how a visit ended. */
export type Watchers = { readonly log: Logger; readonly metrics: Metrics; readonly tracing: Tracing }

/** What is known of one request at a paid route, from its first byte to its log line. */
export class Visit {
  readonly id: string
  readonly offer: Offer
  readonly trace: Trace
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #watchers: Watchers
  readonly #startedMs = performance.now()
  readonly #atEnd: (() => void)[] = []
  identity: Identity | undefined
  served: Served | undefined
  problem: Problem | undefined
  /** What the caller did, where that is not plain from how the reply ended. */
  act: ClientAct | undefined
  /** What it keeps in memory, from the moment its body may come. */
  load: Load | undefined
  bytesIn = 0
  #handling = false
  #closed = false
  #ended = false
  #leftUnanswered = false

  constructor(request: FastifyRequest, reply: FastifyReply, offer: Offer, watchers: Watchers) {
    this.id = request.id
    this.offer = offer
    this.#request = request
    this.#reply = reply
    this.#watchers = watchers
    this.trace = watchers.tracing.call(request.headers, this.id, offer.id)
    watchers.metrics.callBegan()
    reply.raw.once('close', () => {
      this.#closed = true
      this.#leftUnanswered ||= !reply.raw.headersSent
      if (!this.#handling) this.#end()
    })
  }

  /**
   * Runs the part of a visit that goes on when the caller has left. A method, since with a function of its own in a
   * field a visit and all it refers to outlives the collections of young objects.
   */
  async handling<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#handling = true
    try {
      return await work()
    } finally {
      this.#handling = false
      // Who has closed a half by now has not waited for the reply.
      if (!this.#request.raw.socket.writable && !this.#reply.raw.writableFinished) this.#leftUnanswered = true
      if (this.#closed) this.#end()
    }
  }

  /** Something to give back once the reply is out, or the work done for a caller who left. */
  atEnd(giveBack: () => void): void {
    // A caller may leave while the house looks up a key or counts a call.
    if (this.#ended) giveBack()
    else this.#atEnd.push(giveBack)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const { raw: response, statusCode } = this.#reply
    const { log, metrics } = this.#watchers
    for (const giveBack of this.#atEnd) giveBack()
    const { outcome, forwarded, charged } = this.served ?? {}
    const client = this.#clientAct()
    const end = outcome?.outcome ?? (this.problem || client ? 'refused' : 'replayed')
    const ms = performance.now() - this.#startedMs
    metrics.callEnded({
      ...{ offer: this.offer.id, mode: this.identity?.mode, outcome: end, act: client, ms },
      refusal: outcome ? undefined : this.problem?.code,
      upstream: forwarded,
      mayBill: outcome?.mayBill ?? false,
      chargedMillionths: charged ?? 0,
    })
    // The reason is the one about money where money moved; what the caller did stands beside it.
    const reason = outcome?.reason ?? client ?? this.problem?.code ?? 'replayed'
    const status = response.headersSent ? statusCode : undefined
    this.trace.end(end, reason, status)
    const level = outcome?.level ?? 'info'
    log[level](
      {
        call: this.id,
        account: this.identity?.accountId,
        key: this.identity?.id,
        offer: this.offer.id,
        outcome: end,
        reason,
        client,
        warning: outcome?.warning,
        credits: charged === undefined ? undefined : formatCredits(charged),
        status,
        upstream_status: forwarded?.answer.status,
        ms: Math.round(ms),
        upstream_ms: forwarded && Math.round(forwarded.ms),
        bytes_in: this.bytesIn,
        delivered: response.writableFinished,
      },
      'call',
    )
  }

  #clientAct(): ClientAct | undefined {
    const [request, response] = [this.#request.raw, this.#reply.raw]
    if (this.act || response.writableFinished) return this.act
    if (!request.complete) return 'client_aborted_upload'
    if (!this.#leftUnanswered) return wasCut(response) ? 'client_slow_download' : 'client_aborted_download'
    const dispatched = (this.served?.forwarded.attempts.length ?? 0) > 0
    return dispatched ? 'client_aborted_after_dispatch' : 'client_aborted_before_dispatch'
  }
}
