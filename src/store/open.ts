import { openSqlite } from './sqlite.ts'
import { type Store, StoreRefusal } from './store.ts'

export type Database =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** Opens the database that DATABASE_URL names. Throws StoreRefusal. */
export async function openStore(database: Database): Promise<Store> {
  if (database.kind === 'sqlite') return openSqlite(database.path)
  throw new StoreRefusal(78, 'DATABASE_URL: PostgreSQL is not served by this version yet; use sqlite:path.')
}
