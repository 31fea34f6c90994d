import type { IncomingHttpHeaders } from 'node:http'
import { noTrace } from '../tracing.ts'
import { type Answer, AnswerReader, DeadlinePassed, unsent } from './answer.ts'
import { headersOut, type Outgoing, retryAfterSeconds } from './headers.ts'
import { isSent, openPool, type PoolSettings } from './pool.ts'
import { type Purse, purseOf } from './purse.ts'
import type { Token, TokenChange, Tokens } from './tokens.ts'
import type { Turn, Turns } from './turns.ts'

/** What is sent upstream: the caller's own bytes, and the path behind the upstream's origin. */
export type Parcel = Outgoing & {
  readonly path: string
  readonly body: Buffer
  /** Hears of bytes of the answer that are kept in memory. */
  readonly keeps?: ((bytes: number) => void) | undefined
}

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
  /** Whether all of the parcel's body is out, wherever it was sent, so that nobody here reads it any more. */
  readonly bodyOut: boolean
}

export type UpstreamSettings = PoolSettings & {
  readonly name: string
  /** Stands in front of every path; empty or beginning with a slash. */
  readonly path: string
  /** All tries of one call together. */
  readonly deadlineMs: number
  readonly answerLimitBytes: number
}

/** What the operator should hear of; names and reasons only. */
export type Notice = (level: 'warn' | 'error', reason: string, detail: Readonly<Record<string, unknown>>) => void

export type Upstream = ReturnType<typeof openUpstream>

/** The paid API behind us. A parcel is sent once, and again only where the upstream cannot have worked on it. */
export function openUpstream(settings: UpstreamSettings, tokens: Tokens, turns: Turns, notice: Notice) {
  const pool = openPool(settings)

  /**
   * Sends a parcel with the token of this turn and reads what comes back. Another token is tried after 401, 402 and
   * 429; one more connection when no byte was sent. `gone` is asked before each sending: a caller who has left by then
   * costs nobody anything.
   */
  async function forward(parcel: Parcel, first: Turn, gone: () => boolean, trace = noTrace): Promise<Forwarded> {
    const started = performance.now()
    const attempts: Attempt[] = []
    const tried = new Set<string>()
    const headers = headersOut(parcel)
    const leftMs = () => settings.deadlineMs - (performance.now() - started)
    const told = (answer: Answer, waitS?: number): Forwarded => {
      return { answer, attempts, ms: performance.now() - started, retryAfterSeconds: waitS, bodyOut }
    }
    let last: Answer = unsent
    let limited: Answer | undefined
    let reached = true
    let bodyOut = true
    for (let turn: Turn | undefined = first; turn; ) {
      const { token } = turn
      const late = reached ? turns.depart(token) : undefined
      if (late) await late
      if (gone()) {
        turn.giveBack()
        return told(callerGone)
      }
      // Another call may have been refused with it while this one was held.
      if (!turns.isUsable(token)) {
        turn.giveBack()
        tried.add(token.id)
        turn = await turns.another(tried, leftMs())
        continue
      }
      const began = performance.now()
      trace.forwards(token.id)
      const heard = await exchange(parcel, token.sign(headers), leftMs())
      last = heard.answer
      bodyOut &&= heard.bodyOut
      trace.forwarded(last.status, last.reason)
      attempts.push(attemptOf(token, last, performance.now() - began))
      turns.heard(token, isFailure(last))
      if (last.kind === 'unreached' && reached && leftMs() > 0) {
        reached = false
        continue
      }
      if (last.kind === 'unreached') turn.giveBack()
      else turn.done()
      if (!setAside(token, last)) break
      tried.add(token.id)
      if (last.status === 429) limited = last
      turn = await turns.another(tried, leftMs())
    }
    // Where several tokens were refused, "wait" is the truer word to the caller as soon as one of them only cools.
    const answer = last.status === 401 || last.status === 402 ? (limited ?? last) : last
    return told(answer, waitSeconds(answer))
  }

  function exchange(parcel: Parcel, headers: string[], leftMs: number): Promise<Pick<Forwarded, 'answer' | 'bodyOut'>> {
    return new Promise((resolve) => {
      const { path, body, keeps } = parcel
      const told = (answer: Answer): void => {
        clearTimeout(timer)
        resolve({ answer, bodyOut: answer.kind === 'whole' && isSent(body) })
      }
      const reader = new AnswerReader(settings.answerLimitBytes, watchHead, told, keeps)
      const timer = setTimeout(() => reader.abort(new DeadlinePassed()), Math.max(1, leftMs))
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
    const seconds = state === 'cooling' ? retryAfterSeconds(head?.retryAfter) : undefined
    const reason = { revoked: 'upstream_auth_failed', empty: 'upstream_out_of_credits', cooling: 'upstream_429' }[state]
    turns.setAside(token, state, reason, 1000 * (seconds ?? 0))
    // Not `token`: the log never writes a field of that name.
    notice(state === 'cooling' ? 'warn' : 'error', reason, { token_id: token.id, seconds })
    return true
  }

  function waitSeconds({ kind, status, head }: Answer): number | undefined {
    const spent = kind === 'unsent' || status === 401 || status === 402 || status === 429
    const { state, waitMs } = turns.outlook()
    if (spent && state === 'cooling') return Math.max(1, Math.ceil(waitMs / 1000))
    return status === 429 || status === 503 || status === 529 ? retryAfterSeconds(head?.retryAfter) : undefined
  }

  /** Asks the balance behind one token, in the pace of its calls. Undefined when there is no such token. */
  async function purse(tokenId: string): Promise<Purse | undefined> {
    const turn = await turns.only(tokenId)
    if (!turn) return undefined
    await turns.depart(turn.token)
    return purseOf(pool, `${settings.path}/v1/user/balance`, turn.token).finally(turn.done)
  }

  return {
    name: settings.name,
    forward,
    purse,
    outlook: turns.outlook,
    cleanse: tokens.cleanse,
    tokens: turns.list,
    resume: turns.resume,
    learn: turns.learn,
    onTokenChange: (listener: (change: TokenChange) => void) => turns.onChange(listener),
    close: () => pool.destroy(),
  }
}

const callerGone: Answer = { ...unsent, reason: 'client_aborted_before_dispatch' }

/** Whether an answer says that something is wrong with the way this token takes; what the caller did wrong does not. */
function isFailure({ kind, status }: Answer): boolean {
  return kind !== 'whole' || status >= 500
}

function attemptOf({ id, hint }: Token, { status, reason }: Answer, ms: number): Attempt {
  return { tokenId: id, hint, status, reason, ms: Math.round(ms) }
}
