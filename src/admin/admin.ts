import type { FastifyInstance } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Keys } from '../keys/keys.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Store } from '../store/store.ts'
import { books } from './books.ts'
import { type GuardRooms, openGuard } from './guard.ts'

export type AdminRooms = GuardRooms & {
  readonly store: Store
  readonly accounts: Accounts
  readonly keys: Keys
  readonly ledger: Ledger
  readonly catalog: Catalog
}

/** The door for operators: one file per noun, all behind the guard. */
export async function admin(scope: FastifyInstance, rooms: AdminRooms): Promise<void> {
  scope.decorateRequest('operator', null)
  scope.addHook('onRequest', openGuard(rooms))
  for (const noun of [books]) noun(scope, rooms)
}
