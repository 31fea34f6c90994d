import type { FastifyRateLimitStoreCtor, RateLimitOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

export type Rate = {
  /** What the calls are counted under. */
  readonly id: string
  readonly calls: number
  readonly windowMs: number
}

export type Rates = {
  readonly key: (request: FastifyRequest) => Rate
  /** Null where the account has no rate of its own. */
  readonly account: (request: FastifyRequest) => Rate | null
}

/** A rate as keys and accounts have it. */
export function rateAs(id: string, { calls, windowSeconds }: { calls: number; windowSeconds: number }): Rate {
  return { id, calls, windowMs: windowSeconds * 1000 }
}

/**
 * Hooks that refuse calls past the rate of their key, or of their account, with a Problem rate_limited. A scope must
 * have @fastify/rate-limit.
 */
export function rateHooks(scope: FastifyInstance, { key, account }: Rates) {
  const ofAccount = scope.createRateLimit(
    rateOptions('account', (request) => account(request) ?? { id: '', calls: 1, windowMs: 1 }),
  )

  // No promise where the account has no rate, as with most.
  function accountHook(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const rate = account(request)
    if (rate) countAccount(rate, request, reply).then(() => done(), done)
    else done()
  }

  async function countAccount(rate: Rate, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const state = await ofAccount(request)
    if (state.isAllowed || !state.isExceeded) return
    reply.headers({
      'ratelimit-limit': state.max,
      'ratelimit-remaining': state.remaining,
      'ratelimit-reset': state.ttlInSeconds,
    })
    throw rateLimited('account', state.max, rate.windowMs, state.ttl)
  }

  return [scope.rateLimit(rateOptions('key', key)), accountHook] as const
}

function rateOptions(whose: string, rateOf: (request: FastifyRequest) => Rate): RateLimitOptions {
  return {
    keyGenerator: (request) => rateOf(request).id,
    max: (request) => rateOf(request).calls,
    timeWindow: (request: FastifyRequest) => rateOf(request).windowMs,
    errorResponseBuilder: (request, { max, ttl }) => rateLimited(whose, max, rateOf(request).windowMs, ttl),
  }
}

function rateLimited(whose: string, limit: number, windowMs: number, ttlMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(ttlMs / 1000))
  const windowSeconds = windowMs / 1000
  return new Problem('rate_limited', {
    sentence: `This ${whose} may make ${limit} calls in ${windowSeconds} seconds; the next is allowed in ${seconds} seconds.`,
    details: { limit, window_seconds: windowSeconds, resets_at: new Date(Date.now() + ttlMs).toISOString() },
    retryAfterSeconds: seconds,
  })
}

export type Counted = { readonly calls: number; readonly leftMs: number }

export type Windows = {
  /** Counts one call under the id; a window begins with the first call after the last one ended. */
  count(id: string, windowMs: number): Counted | Promise<Counted>
  /** What is counted under the id so far; counts nothing. */
  look(id: string, windowMs: number): Counted | Promise<Counted>
}

export type LocalWindows = ReturnType<typeof openWindows>

/**
 * The windows of this process, on a clock that nobody can put back: a changed wall clock shuts no key out. They are kept
 * for every id ever counted, since dropping one would hand an exhausted key a fresh allowance; only ids of existing keys
 * and accounts get in here.
 */
export function openWindows(now: () => number = () => performance.now()) {
  const windows = new Map<string, { beganMs: number; calls: number }>()

  function count(id: string, windowMs: number): Counted {
    const nowMs = now()
    const window = windows.get(id)
    if (!window || window.beganMs + windowMs <= nowMs) {
      windows.set(id, { beganMs: nowMs, calls: 1 })
      return { calls: 1, leftMs: windowMs }
    }
    window.calls++
    return { calls: window.calls, leftMs: Math.ceil(window.beganMs + windowMs - nowMs) }
  }

  function look(id: string, windowMs: number): Counted {
    const window = windows.get(id)
    const leftMs = window ? Math.ceil(window.beganMs + windowMs - now()) : 0
    return window && leftMs > 0 ? { calls: window.calls, leftMs } : { calls: 0, leftMs: 0 }
  }

  /** Takes over what was counted elsewhere. */
  function learn(id: string, windowMs: number, { calls, leftMs }: Counted): void {
    windows.set(id, { beganMs: now() + leftMs - windowMs, calls })
  }

  return { count, look, learn }
}

/** The windows as the `store` option of @fastify/rate-limit, which wants a class. */
export function storeOf(windows: Windows): FastifyRateLimitStoreCtor {
  return class {
    incr(id: string, done: Done, windowMs: number): void {
      const told = ({ calls, leftMs }: Counted) => done(null, { current: calls, ttl: leftMs })
      const counted = windows.count(id, windowMs)
      if (counted instanceof Promise) counted.then(told, done)
      else told(counted)
    }

    child() {
      return this
    }
  }
}

type Done = (error: Error | null, result?: { current: number; ttl: number }) => void
