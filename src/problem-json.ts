import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { type Problem, problemOf } from './errors.ts'

/** RFC 9457: the shape of every refusal outside the paid routes. */
export function problemJson(problem: Problem, requestId: string) {
  const { status, slug: name, message: detail, errors, details } = problem
  return {
    type: `urn:tollgate:problem:${name}`,
    title: name.replaceAll('_', ' '),
    status,
    detail,
    name,
    request_id: requestId,
    ...(errors.length === 1 && errors[0] === detail ? {} : { errors }),
    ...(details ? { details } : {}),
  }
}

/** An error that is none of ours is logged whole and told as a 500 without its words. */
export function problemJsonErrors(log: Logger) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const problem = problemOf(error)
    if (problem.code === 'internal_error') log.error({ request: request.id, err: error }, 'unexpected error')
    reply.code(problem.status).headers(problem.headers).type('application/problem+json; charset=utf-8')
    if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
    return reply.send(problemJson(problem, request.id))
  }
}
