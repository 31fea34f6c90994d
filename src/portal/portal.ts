import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { Problem } from '../errors.ts'
import { schemaFaults } from '../fields.ts'
import { readJsonOnly } from '../json-bodies.ts'
import { openEntrance } from '../keys/entrance.ts'
import type { Identity, Keys, Right } from '../keys/keys.ts'
import { knownQueriesOnly } from '../known-queries.ts'
import type { Failures } from '../limits/failures.ts'
import type { Windows } from '../limits/rate.ts'
import type { Slots } from '../limits/slots.ts'
import type { KeyOfSession } from '../sessions/cookie.ts'
import type { Store } from '../store/store.ts'
import type { TypedScope } from '../typed-scope.ts'
import { calls } from './calls.ts'
import { managing, reading } from './keys.ts'
import { me } from './me.ts'
import { offers } from './offers.ts'
import { reports } from './reports.ts'

export type PortalRooms = {
  readonly store: Store
  readonly accounts: Accounts
  readonly keys: Keys
  readonly catalog: Catalog
  readonly failures: Failures
  readonly windows: Windows
  readonly slots: Slots
  /** Where a session may stand in for a key; a request with both is one with a key. */
  readonly keyOfSession?: KeyOfSession | undefined
  readonly settings: { readonly rateLimit: { readonly calls: number; readonly windowMs: number } }
}

/** Who is signed in at the portal. */
export function callerOf(request: FastifyRequest): Identity {
  return request.getDecorator<Identity>('caller')
}

/** The door for key holders: their own account and nothing else. Reading and managing are rights of their own. */
export async function portal(app: FastifyInstance, rooms: PortalRooms): Promise<void> {
  app.decorateRequest('caller', null)
  app.setSchemaErrorFormatter(schemaFaults)
  readJsonOnly(app)
  knownQueriesOnly(app)
  app.register(async (scope) => {
    const typed = behind(scope, 'read', 'This key may not read.', rooms)
    for (const noun of [me, offers, reading, calls, reports]) noun(typed, rooms)
  })
  app.register(async (scope) => {
    managing(behind(scope, 'manage', 'This key may not make, rotate or revoke keys.', rooms), rooms)
  })
}

function behind(scope: FastifyInstance, right: Right, sentence: string, rooms: PortalRooms): TypedScope {
  const admit = (request: FastifyRequest, identity: Identity) => request.setDecorator('caller', identity)
  const entrance = openEntrance(rooms, admit, ({ rights }) => {
    if (!rights.includes(right)) throw new Problem('forbidden', { sentence })
  })
  scope.addHook('onRequest', entrance.enter)
  return scope.withTypeProvider<TypeBoxTypeProvider>()
}
