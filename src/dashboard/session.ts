import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { schemaFaults } from '../fields.ts'
import { readJsonOnly } from '../json-bodies.ts'
import { openEntrance } from '../keys/entrance.ts'
import { digestOf, kindOf } from '../keys/key.ts'
import type { Keys } from '../keys/keys.ts'
import { type OperatorEntranceRooms, openOperatorEntrance } from '../operators/entrance.ts'
import { cookieOf, csrfOf, refuseForeign, refuseForged, secretIn, sessionOf } from '../sessions/cookie.ts'
import type { Session, Sessions } from '../sessions/sessions.ts'
import type { TypedScope } from '../typed-scope.ts'
import { SessionView, sessionView, type Who } from './session-view.ts'

export type SessionRooms = OperatorEntranceRooms & { readonly sessions: Sessions; readonly keys: Keys }

const Wish = Type.Object(
  {
    key: Type.String({
      maxLength: 1000,
      description: 'An operator key, or a key of an account.',
      examples: ['tg_live_...'],
    }),
  },
  { title: 'SignIn', additionalProperties: false },
)
const tags = ['dashboard']
const signingIn = {
  ...{ tags, operationId: 'signIn', summary: 'Sign in with a key', security: [], ...mayRefuse('account_suspended') },
  ...{ body: Wish, response: { 201: SessionView } },
  description: 'The key becomes a cookie that no script can read. The session ends with its key.',
}
const looking = {
  ...{ tags, operationId: 'getSession', summary: 'Show who is signed in', ...mayRefuse('account_suspended') },
  response: { 200: SessionView },
}
const leaving = {
  ...{ tags, operationId: 'signOut', summary: 'Sign out' },
  ...{ description: 'The session ends here, and not only in the browser.', response: { 204: Type.Null() } },
}

/** `/session`: a key becomes a session, which is looked at and ended here. */
export async function session(app: FastifyInstance, rooms: SessionRooms): Promise<void> {
  const { sessions } = rooms
  const scope: TypedScope = app.withTypeProvider()
  scope.setSchemaErrorFormatter(schemaFaults)
  readJsonOnly(scope)
  const whoHas = asking(rooms)

  scope.post('/session', { schema: signingIn }, async (request, reply) => {
    refuseForeign(request)
    const key = request.body.key.trim()
    const shown = { kind: kindAt(key), keyDigest: digestOf(key) }
    const who = await whoHas(request, shown, 'try')
    const earlier = secretIn(request)
    if (earlier !== undefined) await sessions.close(earlier)
    const opened = await sessions.open(shown.kind, shown.keyDigest)
    reply.header('set-cookie', cookieOf(request, opened.secret, opened.expiresAtMs - Date.now()))
    return reply.code(201).send(sessionView({ ...opened, csrf: csrfOf(opened.secret) }, who))
  })

  scope.get('/session', { schema: looking }, async (request) => {
    const secret = secretIn(request)
    if (secret === undefined) throw new Problem('unauthorized', { sentence: 'Nobody is signed in here.' })
    refuseForeign(request)
    const found = await sessionOf(sessions, secret)
    return sessionView(found, await whoHas(request, found, 'session'))
  })

  scope.delete('/session', { schema: leaving }, async (request, reply) => {
    const secret = secretIn(request)
    if (secret !== undefined) {
      refuseForeign(request)
      refuseForged(request, secret)
      await sessions.close(secret)
    }
    return reply
      .code(204)
      .header('set-cookie', cookieOf(request, '', 0))
      .send(null)
  })
}

/** The bootstrap key of an operator may be any text. */
function kindAt(key: string): Session['kind'] {
  const kind = kindOf(key)
  return kind === 'live' || kind === 'test' ? 'account' : 'operator'
}

function asking(rooms: SessionRooms) {
  const operators = openOperatorEntrance(rooms)
  const holders = openEntrance(
    rooms,
    () => undefined,
    () => undefined,
  )
  type Shown = Pick<Session, 'kind' | 'keyDigest'>
  return async (request: FastifyRequest, { kind, keyDigest }: Shown, as: 'try' | 'session'): Promise<Who> =>
    kind === 'operator'
      ? { operator: await operators.show(request, keyDigest, as) }
      : { identity: await holders.show(request, keyDigest, as) }
}
