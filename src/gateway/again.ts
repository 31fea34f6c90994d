import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Form, Offer } from '../catalog/offer.ts'
import { Problem } from '../errors.ts'
import type { Identity } from '../keys/keys.ts'
import type { Earlier, Replays } from '../replays/replays.ts'
import type { Again } from './call.ts'
import type { Accept } from './gate.ts'

/** What a request with an Idempotency-Key repeats, or undefined without one. Throws Problem bad_request. */
export function againOf(
  { headers }: FastifyRequest,
  key: Identity,
  offer: Offer,
  accept: Accept,
  form: Form,
): Again | undefined {
  const idempotencyKey = headers['idempotency-key']
  if (idempotencyKey === undefined) return undefined
  if (typeof idempotencyKey !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new Problem('bad_request', { errors: ['idempotency-key: must be 1 to 255 visible ASCII characters'] })
  }
  const { accountId, mode } = key
  return { scope: { accountId, mode, offer: offer.id, idempotencyKey }, sameness: samenessOf(accept, form) }
}

// Real clients draw a new boundary for every try, so the parts are compared and not the bytes between them.
function samenessOf(accept: Accept, { bytes, parts }: Form): string {
  const digest = createHash('sha256').update(accept)
  for (const { name, filename, type, start, end } of parts) {
    digest.update(`\n${JSON.stringify([name, filename ?? null, type ?? null, end - start])}\n`)
    digest.update(bytes.subarray(start, end))
  }
  return digest.digest('hex')
}

/**
 * Answers a request whose Idempotency-Key is known, with the very bytes of the first time; undefined when it may run.
 * Throws Problem: idempotency_conflict, idempotency_in_progress, replay_gone.
 */
export async function replayed(
  reply: FastifyReply,
  { scope, sameness }: Again,
  replays: Replays,
): Promise<Buffer | undefined> {
  const earlier = await replays.find(scope)
  if (!earlier || earlier.state === 'failed') return undefined
  const details = { call: earlier.callId }
  if (earlier.sameness !== sameness) throw new Problem('idempotency_conflict', { details })
  if (earlier.state === 'running') throw new Problem('idempotency_in_progress', { details, retryAfterSeconds: 2 })
  const bytes = earlier.state === 'kept' ? await replays.read(earlier.callId) : undefined
  if (!bytes) throw new Problem('replay_gone', { details })
  sameHead(reply, earlier)
  return bytes
}

function sameHead(reply: FastifyReply, { callId, head }: Earlier): void {
  reply.code(200).header('x-request-id', callId).header('idempotent-replayed', 'true')
  reply.header('content-type', head?.contentType)
  if (head?.finishReason && !head.contentType.startsWith('application/json'))
    reply.header('finish-reason', head.finishReason)
  if (head?.seed) reply.header('seed', head.seed)
}
