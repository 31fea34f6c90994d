import type { Environment } from '../config.ts'
import { type Books, books, unhurriedMs } from '../ledger/statement.ts'
import type { Database } from '../store/open.ts'
import { newestSchema, openToRead, refusalOf, schemaOf } from '../store/sqlite-reading.ts'
import { newestOnServer, refuseOtherSchema, schemaOfServer, withServer } from './postgres-look.ts'
import { booksData, booksLines, booksOfFile } from './proof.ts'
import { databaseOf, openStoreSoon, type Report } from './tool.ts'

/** Recomputes the ledger right from its database, beside a server or without one; exit code 1 if it does not balance. */
export async function localBooks(env: Environment): Promise<Report> {
  const proof = await booksOf(databaseOf(env))
  return { lines: booksLines(proof), data: booksData(proof), exitCode: proof.balanced ? 0 : 1 }
}

/** Throws Refusal or StoreRefusal where there are no books of this version; never changes the database. */
export async function booksOf(database: Database): Promise<Books> {
  if (database.kind === 'sqlite') {
    refuseOtherSchema(schemaOfFile(database.path), newestSchema(), database.path)
    return booksOfFile(database.path)
  }
  refuseOtherSchema(await withServer(database.url, schemaOfServer), newestOnServer(), 'The database')
  const store = await openStoreSoon(database)
  try {
    return await books(store, unhurriedMs)
  } finally {
    await store.close()
  }
}

function schemaOfFile(path: string): number | undefined {
  const ledger = openToRead(path)
  try {
    return schemaOf(ledger)
  } catch (error) {
    throw refusalOf(error, path)
  } finally {
    ledger.close()
  }
}
