import { openPostgres } from './postgres.ts'
import type { Waiting } from './postgres-start.ts'
import { openSqlite } from './sqlite.ts'
import type { Store } from './store.ts'

export type Database =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** Opens the database that DATABASE_URL names; a server that does not answer is waited for. Throws StoreRefusal. */
export async function openStore(database: Database, waiting: Waiting = {}): Promise<Store> {
  return database.kind === 'sqlite' ? openSqlite(database.path) : openPostgres(database.url, waiting)
}
