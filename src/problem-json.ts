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

/** The same shape as JSON Schema. */
export const problemSchema = {
  title: 'Problem',
  type: 'object',
  description: 'Why a request was refused (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'name', 'request_id'],
  properties: {
    type: { type: 'string', examples: ['urn:tollgate:problem:not_found'] },
    title: { type: 'string', examples: ['not found'] },
    status: { type: 'integer', examples: [404] },
    detail: { type: 'string', description: 'One sentence.', examples: ['There is no such key.'] },
    name: { type: 'string', description: 'One word for what went wrong; it never changes.', examples: ['not_found'] },
    request_id: { type: 'string', examples: ['call_01hq3w8kzp0000m4n5p6q7r8s9'] },
    errors: { type: 'array', items: { type: 'string' }, description: 'One line for each thing wrong.' },
    details: { type: 'object', additionalProperties: true, description: 'Numbers, where they help.' },
  },
}
