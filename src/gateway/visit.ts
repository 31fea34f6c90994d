import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Offer } from '../catalog/offer.ts'
import { type ClientAct, wasCut } from '../connections.ts'
import { formatCredits } from '../credits.ts'
import type { Problem } from '../errors.ts'
import type { Identity } from '../keys/keys.ts'
import type { Served } from './call.ts'

/** What is known of one request at a paid route, from its first byte to its log line. */
export class Visit {
  readonly id: string
  readonly offer: Offer
  readonly #startedMs = performance.now()
  readonly #atEnd: (() => void)[] = []
  identity: Identity | undefined
  served: Served | undefined
  problem: Problem | undefined
  /** What the caller did, where that is not plain from how the reply ended. */
  act: ClientAct | undefined
  bytesIn = 0
  #handling = false
  #closed = false
  #ended = false
  #leftUnanswered = false

  constructor(request: FastifyRequest, reply: FastifyReply, offer: Offer, log: Logger) {
    this.id = request.id
    this.offer = offer
    reply.raw.once('close', () => {
      this.#closed = true
      this.#leftUnanswered ||= !reply.raw.headersSent
      if (!this.#handling) this.#end(request, reply, log)
    })
    this.handling = (work) => {
      this.#handling = true
      return work().finally(() => {
        this.#handling = false
        // Who has closed a half by now has not waited for the reply.
        if (!request.raw.socket.writable && !reply.raw.writableFinished) this.#leftUnanswered = true
        if (this.#closed) this.#end(request, reply, log)
      })
    }
  }

  /** Runs the part of a visit that goes on when the caller has left. */
  readonly handling: <Result>(work: () => Promise<Result>) => Promise<Result>

  /** Something to give back once the reply is out, or the work done for a caller who left. */
  atEnd(giveBack: () => void): void {
    // A caller may leave while the house looks up a key or counts a call.
    if (this.#ended) giveBack()
    else this.#atEnd.push(giveBack)
  }

  #end(request: FastifyRequest, reply: FastifyReply, log: Logger): void {
    if (this.#ended) return
    this.#ended = true
    for (const giveBack of this.#atEnd) giveBack()
    const { outcome, forwarded, charged } = this.served ?? {}
    const client = this.#clientAct(request, reply)
    const level = outcome?.level ?? 'info'
    log[level](
      {
        call: this.id,
        account: this.identity?.accountId,
        key: this.identity?.id,
        offer: this.offer.id,
        outcome: outcome?.outcome ?? (this.problem || client ? 'refused' : 'replayed'),
        // The reason is the one about money where money moved; what the caller did stands beside it.
        reason: outcome?.reason ?? client ?? this.problem?.code ?? 'replayed',
        client,
        warning: outcome?.warning,
        credits: charged === undefined ? undefined : formatCredits(charged),
        status: reply.raw.headersSent ? reply.statusCode : undefined,
        upstream_status: forwarded?.answer.status,
        ms: Math.round(performance.now() - this.#startedMs),
        upstream_ms: forwarded && Math.round(forwarded.ms),
        bytes_in: this.bytesIn,
        delivered: reply.raw.writableFinished,
      },
      'call',
    )
  }

  #clientAct({ raw: request }: FastifyRequest, { raw: response }: FastifyReply): ClientAct | undefined {
    if (this.act || response.writableFinished) return this.act
    if (!request.complete) return 'client_aborted_upload'
    if (!this.#leftUnanswered) return wasCut(response) ? 'client_slow_download' : 'client_aborted_download'
    const dispatched = (this.served?.forwarded.attempts.length ?? 0) > 0
    return dispatched ? 'client_aborted_after_dispatch' : 'client_aborted_before_dispatch'
  }
}
