import type { RateLimitOptions } from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

export type RateOf = (request: FastifyRequest) => {
  readonly id: string
  readonly calls: number
  readonly windowMs: number
}

/**
 * Options of @fastify/rate-limit for a rate by key. Its counters are an LRU of 5,000 by default, which would hand an
 * exhausted key a fresh allowance once enough others called; ids of existing keys are the only ones that get in here,
 * so the LRU may be as large as there can be keys.
 */
export function rateOptions(rateOf: RateOf): RateLimitOptions {
  return {
    cache: Number.MAX_SAFE_INTEGER,
    keyGenerator: (request) => rateOf(request).id,
    max: (request) => rateOf(request).calls,
    timeWindow: (request: FastifyRequest) => rateOf(request).windowMs,
    errorResponseBuilder: (request, { max, ttl }) => rateLimited(max, rateOf(request).windowMs, ttl),
  }
}

function rateLimited(limit: number, windowMs: number, ttlMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(ttlMs / 1000))
  const windowSeconds = windowMs / 1000
  return new Problem('rate_limited', {
    sentence: `This key may make ${limit} calls in ${windowSeconds} seconds; the next is allowed in ${seconds} seconds.`,
    details: { limit, window_seconds: windowSeconds, resets_at: new Date(Date.now() + ttlMs).toISOString() },
    retryAfterSeconds: seconds,
  })
}
