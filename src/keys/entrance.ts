import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { digestOf, kindOf } from './key.ts'
import { type Identity, type Keys, statusOf } from './keys.ts'

const missing = 'Send your key in the authorization header: Bearer tg_live_...'
const malformed = 'What was sent as a key is not one: a key has a prefix, 32 characters and a checksum.'
const invalid = 'This key is not valid: it is unknown, revoked or expired.'

const over = 'The session has ended with its key; sign in again.'

function refused(sentence: string, cause?: string): Problem {
  return new Problem('unauthorized', { sentence, cause })
}

/**
 * The secret of a request, from the authorization header (with or without `Bearer`) or `x-api-key`; never from the
 * query, which ends up in logs. Throws Problem unauthorized when there is none, or two that differ.
 */
function secretOf({ raw }: FastifyRequest): string {
  const { rawHeaders, headers } = raw
  let authorizations = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.length === 13 && rawHeaders[index]?.toLowerCase() === 'authorization') authorizations++
  }
  if (authorizations > 1) throw refused('Send one authorization header, not several.')
  const authorization = bare(headers.authorization ?? '')
  const header = headers['x-api-key']
  const other = typeof header === 'string' ? header.trim() : ''
  if (authorization && other && authorization !== other) throw refused('Two different keys were sent; send one.')
  const secret = authorization || other
  if (!secret) throw refused(missing)
  return secret
}

function bare(authorization: string): string {
  const text = authorization.trim()
  return /^bearer(\s|$)/i.test(text) ? text.slice(6).trim() : text
}

export type Entrance = {
  /** Hands on the identity, at once if the key is remembered. */
  enter(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void
  /** Whom the key behind a digest stands for. Throws Problem; a failure is counted if it is a try. */
  show(request: FastifyRequest, digest: string, as: 'try' | 'session'): Promise<Identity>
}

/** The digest of the key that a request's session stands for; undefined for a request without one. */
type KeyOfSession = (request: FastifyRequest) => Promise<string> | undefined

type EntranceRooms = {
  readonly keys: Keys
  /** Where a session may stand in for a key; a request with both is one with a key. */
  readonly keyOfSession?: KeyOfSession | undefined
  readonly failures: {
    /** Counts a failed sign-in from an address; answers the seconds to wait once there were too many. */
    note(address: string): number | undefined
  }
}

/**
 * The sign-in of account keys, shared by every door that takes them. `admit` keeps who a good key stands for; `may`
 * throws a Problem for a key that is not for this door.
 */
export function openEntrance(
  { keys, failures, keyOfSession }: EntranceRooms,
  admit: (request: FastifyRequest, identity: Identity) => void,
  may: (identity: Identity) => void,
): Entrance {
  function failed(request: FastifyRequest, problem: Problem): Problem {
    const waitSeconds = failures.note(request.ip)
    if (waitSeconds === undefined) return problem
    const sentence = `Too many failed sign-ins from this address; wait ${waitSeconds} seconds.`
    return new Problem('rate_limited', {
      sentence,
      retryAfterSeconds: waitSeconds,
      details: { limit: 20, window_seconds: 60 },
    })
  }

  function check(request: FastifyRequest, identity: Identity | undefined): Identity {
    if (!identity || statusOf(identity, Date.now()) !== 'active') throw refused(invalid)
    admit(request, identity)
    if (identity.account.status !== 'active') throw new Problem('account_suspended')
    may(identity)
    if (identity.allows && !identity.allows(request.ip)) {
      throw new Problem('forbidden', { sentence: 'This key may not be used from this address.' })
    }
    return identity
  }

  function enter(request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
    const session = namesKey(request) ? undefined : keyOfSession?.(request)
    if (session) return void session.then((digest) => show(request, digest, 'session')).then(() => done(), done)
    const finish = (work: () => void): void => {
      const problem = problemIn(work)
      done(problem?.code === 'unauthorized' ? failed(request, problem) : problem)
    }
    const digest = digestIn(request)
    const known = typeof digest === 'string' ? keys.known(digest) : undefined
    if (known) finish(() => check(request, known))
    else if (typeof digest !== 'string') finish(() => raise(digest))
    else keys.find(digest).then((identity) => finish(() => check(request, identity)), done)
  }

  async function show(request: FastifyRequest, digest: string, as: 'try' | 'session'): Promise<Identity> {
    const identity = keys.known(digest) ?? (await keys.find(digest))
    try {
      return check(request, identity)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'unauthorized') throw error
      throw as === 'try' ? failed(request, error) : refused(over, error.message)
    }
  }

  return { enter, show }
}

function namesKey({ headers }: FastifyRequest): boolean {
  return headers.authorization !== undefined || headers['x-api-key'] !== undefined
}

function problemIn(work: () => void): Problem | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof Problem ? error : new Problem('internal_error', { cause: error })
  }
}

function raise(problem: Problem): never {
  throw problem
}

function digestIn(request: FastifyRequest): string | Problem {
  try {
    const secret = secretOf(request)
    const kind = kindOf(secret)
    if (kind === undefined) return refused(malformed)
    return kind === 'admin' ? refused(invalid, 'an operator key') : digestOf(secret)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}
