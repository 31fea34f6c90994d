import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fault } from './fields.ts'

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

/** Bodies of this scope are JSON and nothing else. */
export function readJsonOnly(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text: string, done) => {
    // Many clients name a type on every POST, also where there is nothing to send.
    if (text === '') done(null, undefined)
    else parse(request, text, done)
  })
}
