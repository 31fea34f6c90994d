import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Database, openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { sharedPostgres } from './postgres.ts'

/** A new, empty database, and the way to open it; what is opened closes with the test. */
export type OpenStore = (t: TestContext) => Promise<Place>
export type Place = {
  readonly database: Database
  readonly store: Store
  /** The same database once more, as another replica; SQLite has one server only, so there it is the same store. */
  again(): Promise<Store>
}

/** Runs a suite against both databases. */
export function forEachStore(suite: (name: Store['dialect'], open: OpenStore) => void): void {
  suite('sqlite', (t) => placeOf(t, sqliteFile(t)))
  const server = sharedPostgres()
  suite('postgres', async (t) => placeOf(t, { kind: 'postgres', url: await (await server()).database() }))
}

/** A path in a folder that goes with the test. */
export function sqliteFile(t: TestContext): Database & { kind: 'sqlite' } {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return { kind: 'sqlite', path: join(folder, 'house.db') }
}

async function placeOf(t: TestContext, database: Database): Promise<Place> {
  const opened: Store[] = []
  // Hooks run in the order they were given, so this one is told to the folder's before it.
  t.after(() => Promise.all(opened.map((store) => store.close())))
  const open = async () => {
    const store = await openStore(database)
    opened.push(store)
    return store
  }
  const store = await open()
  return { database, store, again: async () => (database.kind === 'sqlite' ? store : open()) }
}
