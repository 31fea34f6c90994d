import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import type { Session, SessionKind, Sessions } from './sessions.ts'

/** What the browser keeps; no script can read it. */
const cookieName = 'tollgate_session'
const sent = /(?:^|;)\s*tollgate_session=([^;\s]*)/g
/** Where a page shows that a request is its own; a page from elsewhere cannot know the value. */
const csrfHeader = 'x-tollgate-csrf'

/** A session, the secret it came with, and what its requests must have in the CSRF header. */
export type SignedIn = Session & { readonly secret: string; readonly csrf: string }

/** The session's secret in a request's cookie, or undefined. */
export function secretIn({ headers }: FastifyRequest): string | undefined {
  if (headers.cookie === undefined) return undefined
  const secrets = new Set(Array.from(headers.cookie.matchAll(sent), ([, secret]) => secret || undefined))
  // A neighbour under the same domain can set a second one, and nobody can tell which is ours.
  return secrets.size === 1 ? secrets.values().next().value : undefined
}

/** The cookie that keeps a session in the browser, or ends it there. */
export function cookieOf({ protocol }: FastifyRequest, secret: string, leftMs: number): string {
  const secure = protocol === 'https' ? '; Secure' : ''
  return `${cookieName}=${secret}; Path=/; Max-Age=${Math.floor(leftMs / 1000)}; HttpOnly; SameSite=Strict${secure}`
}

// Made of the secret, so that a reloaded page can be told it again and no database holds it.
export function csrfOf(secret: string): string {
  return hash('sha256', `tollgate csrf ${secret}`, 'hex')
}

/**
 * Refuses what a page from elsewhere had the browser send (https://www.w3.org/TR/fetch-metadata/). Throws Problem
 * forbidden.
 */
export function refuseForeign({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw new Problem('forbidden', { sentence: 'Requests from other sites may not use a session.' })
}

/** Throws Problem forbidden unless the request has the session's own value in its CSRF header. */
export function refuseForged({ headers }: FastifyRequest, secret: string): void {
  const shown = headers[csrfHeader]
  // Digests are as long as each other, whatever was shown.
  if (typeof shown === 'string' && timingSafeEqual(digestOf(shown), digestOf(csrfOf(secret)))) return
  throw new Problem('forbidden', { sentence: `A request with a session needs its value in the header ${csrfHeader}.` })
}

/** The session of a cookie's secret. Throws Problem unauthorized when it has ended, or never was. */
export async function sessionOf(sessions: Sessions, secret: string): Promise<SignedIn> {
  const session = await sessions.find(secret)
  if (!session) throw ended()
  return { ...session, secret, csrf: csrfOf(secret) }
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** What is told when a session is over, for whatever reason. */
function ended(): Problem {
  return new Problem('unauthorized', { sentence: 'The session has ended; sign in again.' })
}

/** The digest of the key that a request's session stands for; undefined without a cookie. */
export type KeyOfSession = (request: FastifyRequest) => Promise<string> | undefined

/** Takes sessions of one kind in place of a key. The promise rejects with Problem forbidden or unauthorized. */
export function keyOfSession(sessions: Sessions, kind: SessionKind): KeyOfSession {
  return (request) => {
    const secret = secretIn(request)
    return secret === undefined ? undefined : keyBehind(request, secret)
  }

  async function keyBehind(request: FastifyRequest, secret: string): Promise<string> {
    refuseForeign(request)
    refuseForged(request, secret)
    const session = await sessionOf(sessions, secret)
    if (session.kind === kind) return session.keyDigest
    throw new Problem('forbidden', { sentence: `This session is not one of an ${kind}.` })
  }
}
