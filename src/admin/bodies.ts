import type { FastifyReply, FastifyRequest } from 'fastify'
import { fault } from '../fields.ts'

type Done = () => void

/** A body that has nothing to say may be left out. */
export function emptyIsObject(request: FastifyRequest, _reply: FastifyReply, done: Done): void {
  request.body ??= {}
  done()
}

/** Refuses a body where there is nothing to say. Throws Problem bad_request. */
export async function emptyOnly({ body }: FastifyRequest): Promise<void> {
  if (body === undefined || body === null) return
  if (typeof body === 'object' && Object.keys(body).length === 0) return
  throw fault('body: must be empty')
}
