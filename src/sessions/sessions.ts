import { hash, randomBytes } from 'node:crypto'
import { StoreUnavailable } from '../errors.ts'
import type { Store } from '../store/store.ts'

export type SessionKind = 'operator' | 'account'

/** Someone signed in with a key, which is to be looked up by its digest before the session counts for anything. */
export type Session = { readonly kind: SessionKind; readonly keyDigest: string; readonly expiresAtMs: number }

export type Sessions = ReturnType<typeof openSessions>

const hourMs = 3_600_000
const lifeMs = 12 * hourMs
const idleMs = 2 * hourMs
/** What was seen within this time is not written again, so that a page with many requests costs one write. */
const seenEveryMs = 60_000
/** A key opens so many sessions; with one more the oldest ends. */
const mostOfOneKey = 20

/**
 * Sessions of the dashboard. A session's secret is known to its browser alone and its digest is what is stored, so that
 * a stolen database opens no door. It ends after 12 hours, or after 2 in which nothing was asked.
 */
export function openSessions(store: Store, now: () => number = Date.now) {
  /** A new session for whoever has shown that key, and its secret. */
  async function open(kind: SessionKind, keyDigest: string): Promise<Session & { readonly secret: string }> {
    const secret = randomBytes(32).toString('base64url')
    const nowMs = now()
    await store.write([
      { sql: insert, params: [digestOf(secret), kind, keyDigest, nowMs, nowMs + lifeMs] },
      { sql: bound, params: [keyDigest, mostOfOneKey] },
    ])
    return { kind, keyDigest, expiresAtMs: nowMs + lifeMs, secret }
  }

  /** The session behind a secret, which being asked for keeps alive. */
  async function find(secret: string): Promise<Session | undefined> {
    const digest = digestOf(secret)
    const nowMs = now()
    const [row] = await store.read(look, [digest, nowMs, nowMs - idleMs])
    if (!row) return undefined
    if (Number(row['seen_at']) <= nowMs - seenEveryMs) await see(digest, nowMs)
    return {
      kind: row['kind'] === 'operator' ? 'operator' : 'account',
      keyDigest: String(row['key_digest']),
      expiresAtMs: Number(row['expires_at']),
    }
  }

  async function see(digest: string, nowMs: number): Promise<void> {
    try {
      await store.write([{ sql: 'UPDATE sessions SET seen_at = $2 WHERE digest = $1', params: [digest, nowMs] }])
    } catch (error) {
      // A full disk must not shut out the operator who comes to see about it.
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }

  /** From now on nobody gets in with it; ending what has ended changes nothing. */
  async function close(secret: string): Promise<void> {
    await store.write([{ sql: 'DELETE FROM sessions WHERE digest = $1', params: [digestOf(secret)] }])
  }

  return { open, find, close }
}

/** Removes sessions that have ended by themselves. */
export async function sweepSessions(store: Store, nowMs: number): Promise<void> {
  await store.write([{ sql: remove, params: [nowMs, nowMs - idleMs] }])
}

const insert = `INSERT INTO sessions (digest, kind, key_digest, created_at, seen_at, expires_at)
  VALUES ($1, $2, $3, $4, $4, $5)`
const bound = `DELETE FROM sessions WHERE key_digest = $1 AND digest NOT IN
  (SELECT digest FROM sessions WHERE key_digest = $1 ORDER BY created_at DESC, digest LIMIT $2)`
const look = `SELECT kind, key_digest, seen_at, expires_at FROM sessions
  WHERE digest = $1 AND expires_at > $2 AND seen_at > $3`
const remove = 'DELETE FROM sessions WHERE expires_at <= $1 OR seen_at <= $2'

function digestOf(secret: string): string {
  return hash('sha256', secret, 'hex')
}
