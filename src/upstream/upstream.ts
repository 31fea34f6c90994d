import type { IncomingHttpHeaders } from 'node:http'
import { rootCertificates } from 'node:tls'
import { Pool } from 'undici'
import { type Answer, AnswerReader, DeadlinePassed, unsent } from './answer.ts'
import { headersOut, type Outgoing, retryAfterSeconds } from './headers.ts'
import type { Token, Tokens } from './tokens.ts'

/** What is sent upstream: the caller's own bytes, and the path behind the upstream's origin. */
export type Parcel = Outgoing & { readonly path: string; readonly body: Buffer }

export type Attempt = {
  readonly tokenId: string
  readonly hint: string
  readonly status: number
  readonly reason: string
  readonly ms: number
}

export type Forwarded = {
  readonly answer: Answer
  readonly attempts: readonly Attempt[]
  readonly ms: number
  /**
   * Whole seconds until it is worth trying again: until the first cooling token is back when none could take the parcel,
   * or as the upstream says with 503 and 529. Undefined when waiting for a token is in vain.
   */
  readonly retryAfterSeconds: number | undefined
}

export type UpstreamSettings = {
  readonly name: string
  readonly origin: string
  /** Stands in front of every path; empty or beginning with a slash. */
  readonly path: string
  readonly ca: string | undefined
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** All tries of one call together. */
  readonly deadlineMs: number
  readonly answerLimitBytes: number
}

/** What the operator should hear of; names and reasons only. */
export type Notice = (level: 'warn' | 'error', reason: string, detail: Readonly<Record<string, unknown>>) => void

export type Upstream = ReturnType<typeof openUpstream>

/** The paid API behind us. A parcel is sent once, and again only where the upstream cannot have worked on it. */
export function openUpstream(settings: UpstreamSettings, tokens: Tokens, notice: Notice) {
  const pool = openPool(settings)

  /**
   * Sends a parcel and reads what comes back. Another token is tried after 401, 402 and 429; one more connection when
   * no byte was sent. `gone` is asked before each sending: a caller who has left by then costs nobody anything.
   */
  async function forward(parcel: Parcel, gone: () => boolean): Promise<Forwarded> {
    const started = performance.now()
    const attempts: Attempt[] = []
    const tried = new Set<string>()
    const headers = headersOut(parcel)
    let last: Answer = unsent
    let limited: Answer | undefined
    for (let reached = true; ; ) {
      const token = tokens.take(tried)
      if (!token) break
      if (gone()) return { answer: callerGone, attempts, ms: performance.now() - started, retryAfterSeconds: undefined }
      const began = performance.now()
      last = await exchange(parcel, token.sign(headers), settings.deadlineMs - (began - started))
      attempts.push(attemptOf(token, last, performance.now() - began))
      const late = performance.now() - started >= settings.deadlineMs
      if (last.kind === 'unreached' && reached && !late) {
        reached = false
        continue
      }
      if (!setAside(token, last)) break
      tried.add(token.id)
      if (last.status === 429) limited = last
      if (late) break
    }
    // Where several tokens were refused, "wait" is the truer word to the caller as soon as one of them only cools.
    const answer = last.status === 401 || last.status === 402 ? (limited ?? last) : last
    return { answer, attempts, ms: performance.now() - started, retryAfterSeconds: waitSeconds(answer) }
  }

  function exchange(parcel: Parcel, headers: string[], leftMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      const reader = new AnswerReader(settings.answerLimitBytes, watchHead, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      const timer = setTimeout(() => reader.abort(new DeadlinePassed()), Math.max(1, leftMs))
      const { path, body } = parcel
      pool.dispatch({ method: 'POST', path: settings.path + path, headers, body }, reader)
    })
  }

  function watchHead(headers: IncomingHttpHeaders): void {
    const names = tokens.echoes(headers)
    if (names.length > 0) notice('error', 'upstream_echoes_secret', { headers: names })
  }

  /** Whether another token may take the parcel after this answer. */
  function setAside(token: Token, { status, head }: Answer): boolean {
    const state = status === 401 ? 'revoked' : status === 402 ? 'empty' : status === 429 ? 'cooling' : undefined
    if (!state) return false
    const seconds = state === 'cooling' ? retryAfterSeconds(head?.retryAfter) : 60
    tokens.setAside(token, state, seconds * 1000)
    const reason = { revoked: 'upstream_auth_failed', empty: 'upstream_out_of_credits', cooling: 'upstream_429' }[state]
    // Not `token`: the log never writes a field of that name.
    notice(state === 'cooling' ? 'warn' : 'error', reason, { token_id: token.id, seconds })
    return true
  }

  function waitSeconds({ kind, status, head }: Answer): number | undefined {
    const spent = kind === 'unsent' || status === 401 || status === 402 || status === 429
    const { state, waitMs } = tokens.outlook()
    if (spent && state === 'cooling') return Math.max(1, Math.ceil(waitMs / 1000))
    return status === 429 || status === 503 || status === 529 ? retryAfterSeconds(head?.retryAfter) : undefined
  }

  return {
    name: settings.name,
    forward,
    outlook: tokens.outlook,
    cleanse: tokens.cleanse,
    tokens: tokens.list,
    resume: tokens.resume,
    close: () => pool.destroy(),
  }
}

const callerGone: Answer = { ...unsent, reason: 'client_aborted_before_dispatch' }

function attemptOf({ id, hint }: Token, { status, reason }: Answer, ms: number): Attempt {
  return { tokenId: id, hint, status, reason, ms: Math.round(ms) }
}

/** Connections to the upstream. What guards money or secrets is written out rather than inherited. */
export function openPool(settings: UpstreamSettings): Pool {
  return new Pool(settings.origin, {
    connections: 1024,
    pipelining: 1,
    allowH2: false,
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    // Shorter than usual servers', so that a request is seldom written to a connection that is just being closed.
    keepAliveTimeout: 4000,
    keepAliveMaxTimeout: 4000,
    maxHeaderSize: 16 * 1024,
    strictContentLength: true,
    connect: {
      timeout: settings.connectTimeoutMs,
      rejectUnauthorized: true,
      ...(settings.ca ? { ca: [...rootCertificates, settings.ca] } : {}),
    },
  })
}
