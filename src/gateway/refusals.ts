import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { problemOf } from '../errors.ts'
import { announcedBytes, CallerLeft } from './body.ts'
import { LeftEarly } from './call.ts'
import { refusal } from './reply.ts'
import type { Visit } from './visit.ts'

/** Bodies up to this size are read to their end, so that the connection can serve the next request. */
const skippedBytes = 64 * 1024

/** Every refusal in the upstream's error dialect; an error that is none of ours is logged whole and told as a 500. */
export function stabilityErrors(log: Logger, visitIn: (request: FastifyRequest) => Visit | null = () => null) {
  return (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply) => {
    const visit = visitIn(request)
    if (error instanceof CallerLeft || error instanceof LeftEarly) {
      if (visit) visit.reason = error instanceof CallerLeft ? 'client_aborted_upload' : 'client_aborted_before_dispatch'
      return reply.hijack().raw.destroy()
    }
    const problem = problemOf(error)
    if (problem.code === 'internal_error') log.error({ call: request.id, err: error }, 'unexpected error')
    if (visit) visit.problem = problem
    if (isCostly(request.raw)) reply.header('connection', 'close')
    return reply.send(refusal(reply, request.id, problem))
  }
}

/** Whether the rest of the body is not worth reading, or may never come since it was not asked for. */
function isCostly(request: IncomingMessage): boolean {
  const { headers, complete } = request
  if (complete) return false
  if (headers.expect !== undefined || headers['transfer-encoding'] !== undefined) return true
  return (announcedBytes(request) ?? 0) > skippedBytes
}
