import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { schemaFaults } from '../fields.ts'
import { readJsonOnly } from '../json-bodies.ts'
import type { Keys } from '../keys/keys.ts'
import { knownQueriesOnly } from '../known-queries.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { QueueView } from '../limits/queue.ts'
import type { SettingTold } from '../settings-told.ts'
import type { Store } from '../store/store.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Deliveries } from '../webhooks/deliveries.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { accounts } from './accounts.ts'
import { audit } from './audit.ts'
import { books } from './books.ts'
import { calls } from './calls.ts'
import { entries } from './entries.ts'
import { grants } from './grants.ts'
import { type GuardRooms, openGuard } from './guard.ts'
import { keys } from './keys.ts'
import { offers } from './offers.ts'
import { operators } from './operators.ts'
import { overview } from './overview.ts'
import { reconcile } from './reconcile.ts'
import { settings } from './settings.ts'
import { tokens } from './tokens.ts'
import { usage } from './usage.ts'
import { webhooks } from './webhooks.ts'

export type AdminRooms = GuardRooms & {
  readonly store: Store
  readonly accounts: Accounts
  readonly keys: Keys
  readonly ledger: Ledger
  readonly catalog: Catalog
  readonly upstream: Pick<Upstream, 'name' | 'tokens' | 'resume'> & { queue(): QueueView }
  readonly settingsTold: readonly SettingTold[]
  /** What the ledger could not explain when it was last gone through; undefined until it was. */
  readonly proof: () => { readonly imbalance: bigint; readonly atMs: number } | undefined
  readonly webhooks: Webhooks
  readonly deliveries: Deliveries
}

/** The door for operators: one file per noun, all behind the guard. Bodies are JSON and nothing else. */
export async function admin(app: FastifyInstance, rooms: AdminRooms): Promise<void> {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.decorateRequest('operator', null)
  scope.addHook('onRequest', openGuard(rooms))
  scope.setSchemaErrorFormatter(schemaFaults)
  readJsonOnly(scope)
  knownQueriesOnly(scope)
  const money = [accounts, grants, entries, keys, calls, usage, offers, tokens, audit, books, reconcile]
  const nouns = [...money, operators, webhooks, overview, settings]
  for (const noun of nouns) noun(scope, rooms)
}
