import type { FastifyReply } from 'fastify'
import { formatCredits } from '../credits.ts'
import type { Problem } from '../errors.ts'
import type { Served } from './call.ts'

/** What the caller can check the charge against; money has moved by now. */
export function receipt(reply: FastifyReply, { price, charged, balance }: Served, mode: 'live' | 'test'): void {
  reply.header('x-credits-charged', formatCredits(charged)).header('x-credits-price', formatCredits(price))
  if (balance) reply.header('x-credits-available', formatCredits(balance.available))
  if (mode === 'test') reply.header('x-tollgate-mode', 'test')
}

/** The upstream's answer, byte for byte, with the headers that are let back. */
export function answer(reply: FastifyReply, { forwarded, outcome }: Served): Buffer {
  const { head, body } = forwarded.answer
  reply.header('content-type', head?.contentType ?? 'application/octet-stream').header('content-length', body.length)
  if (outcome.finishReason && head?.type !== 'application/json') reply.header('finish-reason', outcome.finishReason)
  if (head?.seed) reply.header('seed', head.seed)
  return body
}

/** The error dialect of Stability: `{id, name, errors}`, with `details` where numbers help. */
export function refusal(reply: FastifyReply, callId: string, problem: Problem): Readonly<Record<string, unknown>> {
  reply.code(problem.status).headers(problem.headers).type('application/json; charset=utf-8')
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  return refusalBody(callId, problem)
}

export function refusalBody(callId: string, { slug: name, errors, details }: Problem) {
  return details ? { id: callId, name, errors, details } : { id: callId, name, errors }
}
