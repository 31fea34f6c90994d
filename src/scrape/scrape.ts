import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

export type ScrapeRooms = {
  readonly metricsKey: string | undefined
  readonly failures: {
    /** Counts a failed sign-in from an address; answers the seconds to wait once there were too many. */
    note(address: string): number | undefined
  }
  /** The exposition of this moment and its content type. */
  readonly figures: () => Promise<{ readonly type: string; readonly text: string }>
}

/** `GET /metrics` for Prometheus; with METRICS_KEY for those only who send it as bearer. */
export async function scrape(scope: FastifyInstance, { metricsKey, failures, figures }: ScrapeRooms): Promise<void> {
  const wanted = metricsKey === undefined ? undefined : digest(metricsKey)
  let running: ReturnType<typeof figures> | undefined

  scope.addHook('onRequest', (request, _reply, done) => {
    if (!wanted || timingSafeEqual(wanted, digest(bearerOf(request)))) done()
    else done(refused(failures.note(request.ip)))
  })
  scope.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    // Whoever asks at the same moment gets the same text, so a crowd costs no more than one.
    running ??= figures().finally(() => {
      running = undefined
    })
    const { type, text } = await running
    return reply.type(type).send(text)
  })
}

/** Digests have one length, which a comparison in constant time needs. */
function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

function bearerOf({ headers }: FastifyRequest): string {
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}

function refused(waitSeconds: number | undefined): Problem {
  if (waitSeconds === undefined) {
    return new Problem('unauthorized', {
      sentence: 'Send METRICS_KEY in the authorization header: Bearer ...',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
  const sentence = `Too many failed sign-ins from this address; wait ${waitSeconds} seconds.`
  return new Problem('rate_limited', { sentence, retryAfterSeconds: waitSeconds })
}
