import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Offer } from '../catalog/offer.ts'
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
  /** Why it ended without a reply, or what was odd about it. */
  reason: string | undefined
  bytesIn = 0
  #handling = false
  #closed = false

  constructor(request: FastifyRequest, reply: FastifyReply, offer: Offer, log: Logger) {
    this.id = request.id
    this.offer = offer
    reply.raw.once('close', () => {
      this.#closed = true
      if (!this.#handling) this.#end(request, reply, log)
    })
    this.handling = (work) => {
      this.#handling = true
      return work().finally(() => {
        this.#handling = false
        if (this.#closed) this.#end(request, reply, log)
      })
    }
  }

  /** Runs the part of a visit that goes on when the caller has left. */
  readonly handling: <Result>(work: () => Promise<Result>) => Promise<Result>

  /** Something to give back once the reply is out, or the work done for a caller who left. */
  atEnd(giveBack: () => void): void {
    this.#atEnd.push(giveBack)
  }

  #end(request: FastifyRequest, reply: FastifyReply, log: Logger): void {
    for (const giveBack of this.#atEnd) giveBack()
    const { outcome, forwarded, charged } = this.served ?? {}
    const level = outcome && (outcome.mayBill || outcome.warning) ? 'warn' : 'info'
    log[level](
      {
        call: this.id,
        account: this.identity?.accountId,
        key: this.identity?.id,
        offer: this.offer.id,
        outcome: outcome?.outcome ?? 'refused',
        reason: this.reason ?? outcome?.reason ?? this.problem?.code ?? leftBecause(request),
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
}

function leftBecause(request: FastifyRequest): string {
  return request.raw.complete ? 'client_aborted_before_dispatch' : 'client_aborted_upload'
}
