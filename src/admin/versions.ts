import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

/** The entity tag of a version, so that two operators do not overwrite each other unseen (RFC 9110 section 8.8.3). */
export function tag(reply: FastifyReply, version: number): void {
  reply.header('etag', `"${version}"`)
}

/** Throws Problem precondition_failed when `If-Match` names another version (RFC 9110 section 13.1.1). */
export function mustMatch({ headers }: FastifyRequest, version: number): void {
  const wanted = headers['if-match']
  if (wanted === undefined || wanted.trim() === '*') return
  const tags = wanted.split(',').map((each) => each.trim())
  if (!tags.includes(`"${version}"`)) throw new Problem('precondition_failed')
}

/** A change that came second is 412 to whoever named a version, else 409. */
export function outrun(request: FastifyRequest, what: string): Problem {
  if (request.headers['if-match'] !== undefined) return new Problem('precondition_failed')
  return new Problem('conflict', { sentence: `Somebody else changed the ${what} meanwhile; read it again.` })
}
