import assert from 'node:assert/strict'
import { good } from './admin.ts'
import { corePath, formOf, type Reply, usualBoundary } from './client.ts'
import type { TestHouse } from './house.ts'

type Headers = Record<string, string>

export type SignedIn = {
  /** As the browser sends it back. */
  readonly cookie: string
  readonly csrf: string
  /** What the sign-in answered. */
  readonly session: Readonly<Record<string, unknown>>
  /** What every request of its pages has. */
  readonly headers: Headers
  ask(method: string, path: string, body?: unknown, headers?: Headers): Promise<Reply>
}

/** Signs in with a key, as the page does. */
export async function signIn(house: Pick<TestHouse, 'client'>, key: string): Promise<SignedIn> {
  const reply = await house.client.json('POST', '/dashboard/session', { key })
  const session = good(reply, 201)
  const cookie = cookieSetBy(reply)
  const csrf = String(session['csrf'])
  const headers = { cookie, 'x-tollgate-csrf': csrf, 'sec-fetch-site': 'same-origin' }
  const ask: SignedIn['ask'] = (method, path, body, more = {}) =>
    house.client.json(method, path, body, { ...headers, ...more })
  return { cookie, csrf, session, headers, ask }
}

export function cookieSetBy(reply: Reply): string {
  const cookie = /^(tollgate_session=[\w-]+);/.exec(reply.headers['set-cookie'] ?? '')?.[1]
  assert.ok(cookie !== undefined, 'no session was set')
  return cookie
}

/** Sends what the playground sends. */
export function play(house: TestHouse, fields: Readonly<Record<string, string>>, headers: Headers): Promise<Reply> {
  const type = `multipart/form-data; boundary=${usualBoundary}`
  const path = `/dashboard/playground${corePath}`
  return house.client.send('POST', path, { accept: 'image/*', 'content-type': type, ...headers }, formOf(fields))
}
