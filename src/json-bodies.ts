import { isUtf8 } from 'node:buffer'
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

/** Bodies of this scope are JSON in UTF-8 and nothing else. */
export function readJsonOnly(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    // Decoding would put other letters in place of broken ones, and a name would be kept that nobody sent.
    if (!isUtf8(bytes)) done(fault('body: must be UTF-8'))
    // Many clients name a type on every POST, also where there is nothing to send.
    else if (bytes.length === 0) done(null, undefined)
    else parse(request, bytes.toString('utf8'), done)
  })
}
