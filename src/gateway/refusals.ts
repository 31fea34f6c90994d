import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { BrokenUpload } from '../connections.ts'
import { Problem, problemOf } from '../errors.ts'
import { LeftQueue } from '../limits/queue.ts'
import { CallerLeft } from './body.ts'
import { LeftEarly } from './call.ts'
import { refusal } from './reply.ts'
import type { Visit } from './visit.ts'

/** Every refusal in the upstream's error dialect; an error that is none of ours is logged whole and told as a 500. */
export function stabilityErrors(log: Logger, visitIn: (request: FastifyRequest) => Visit | null = () => null) {
  return (error: Error & { statusCode?: number }, request: FastifyRequest, reply: FastifyReply) => {
    const visit = visitIn(request)
    if (error instanceof CallerLeft || error instanceof LeftEarly || error instanceof LeftQueue) {
      return reply.hijack().raw.destroy()
    }
    const problem = asAtTheUpstream(problemOf(error))
    if (visit && problem instanceof BrokenUpload) visit.act = problem.act
    if (problem.code === 'internal_error') log.error({ call: request.id, err: error }, 'unexpected error')
    if (visit) visit.problem = problem
    return reply.send(refusal(reply, request.id, problem))
  }
}

/** The upstream answers a content type it cannot read with 400, so its clients do not know a 415. */
function asAtTheUpstream(problem: Problem): Problem {
  if (problem.code !== 'unsupported_media_type') return problem
  return new Problem('bad_request', { errors: ['content-type: must be multipart/form-data'], cause: problem })
}
