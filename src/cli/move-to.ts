import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Client } from 'pg'
import { ConfigFault, type Environment, loadConfig } from '../config.ts'
import { type Books, books } from '../ledger/statement.ts'
import { openLock } from '../store/sqlite.ts'
import { checkLedger, newestSchema, openToRead } from '../store/sqlite-reading.ts'
import type { Row, Store } from '../store/store.ts'
import { copyBodies, copyTable, type Table, tablesOf, tallyOf } from './move-rows.ts'
import { refuseOtherSchema, withServer } from './postgres-look.ts'
import { booksData, booksLines, proveFile } from './proof.ts'
import { putAside } from './restore.ts'
import { ledgerFileOf, openStoreSoon, Refusal, type Report } from './tool.ts'

/** Hears which table is under way and how many of its rows are written. */
export type Progress = (table: string, rows: number, isWhole: boolean) => void

type Moved = { readonly rows: Readonly<Record<string, number>>; readonly bodies: number }

/**
 * Moves a SQLite ledger to an empty PostgreSQL database: one transaction there, committed only when every row has been
 * read back as it was and the books of both sides balance and are the same. The file is then kept under another name,
 * so that no server goes on with it by mistake. Throws Refusal or StoreRefusal; then the target is empty.
 */
export async function moveTo(url: string, env: Environment, progress: Progress): Promise<Report> {
  const target = targetOf(url)
  const ledger = resolve(
    ledgerFileOf(env, 'DATABASE_URL names a PostgreSQL server already; only a SQLite ledger moves.'),
  )
  const lock = openLock(`${ledger}.lock`, ledger)
  try {
    refuseOtherSchema(checkLedger(ledger), newestSchema(), ledger)
    const proof = await proveFile(ledger, 1)
    if (proof.openHolds > 0) throw new Refusal(`${proof.openHolds} calls ${unended}`)
    const store = await openStoreSoon({ kind: 'postgres', url: target })
    await store.close()
    const moved = await withServer(target, (client) => transfer(ledger, client, proof, progress))
    lock.exec('PRAGMA user_version = 1')
    return reportOf(moved, proof, putAside(ledger, 'moved') ?? ledger)
  } finally {
    lock.close()
  }
}

const unended =
  'of a server that died still hold credits: start the server once, so that they are released, and stop it.'

function targetOf(url: string): string {
  try {
    const { database } = loadConfig({ DATABASE_URL: url }).config
    if (database.kind === 'postgres') return database.url
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error
  }
  throw new Refusal('The target must be an address such as postgres://user@host/name.', 2)
}

async function transfer(ledger: string, client: Client, proof: Books, progress: Progress): Promise<Moved> {
  const source = openToRead(ledger)
  try {
    source.exec('BEGIN')
    await client.query('BEGIN')
    await client.query(
      `SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5s'`,
    )
    const tables = tablesOf(source)
    await refuseUsed(client, tables)
    const moved = await copyAll(source, client, tables, `${ledger}-replays`, progress)
    await refuseOtherBooks(client, proof)
    await client.query('COMMIT')
    return moved
  } catch (error) {
    throw toldBy(error)
  } finally {
    source.close()
  }
}

/** Takes every table for itself, so that no server can begin in the middle. */
async function refuseUsed(client: Client, tables: readonly Table[]): Promise<void> {
  await client.query(`LOCK TABLE ${tables.map(({ name }) => `"${name}"`)} IN SHARE ROW EXCLUSIVE MODE`)
  for (const { name } of tables) {
    const { rows } = await client.query(`SELECT FROM "${name}" LIMIT 1`)
    if (rows.length > 0) throw new Refusal(`The target is not empty (${name} has rows): move to a new database.`)
  }
}

async function copyAll(
  source: DatabaseSync,
  client: Client,
  tables: readonly Table[],
  folder: string,
  progress: Progress,
): Promise<Moved> {
  const rows: Record<string, number> = {}
  for (const table of tables) {
    const given = await copyTable(source, client, table, folder, (count) => progress(table.name, count, false))
    const arrived = await tallyOf(client, table)
    if (given.rows !== arrived.rows || given.digest !== arrived.digest) {
      throw new Refusal(`The rows of ${table.name} did not arrive as they are; nothing was moved.`)
    }
    rows[table.name] = given.rows
    progress(table.name, given.rows, true)
  }
  return { rows, bodies: await copyBodies(client, folder) }
}

async function refuseOtherBooks(client: Client, proof: Books): Promise<void> {
  const there = await books(withinTransaction(client))
  const told = (each: Books) => JSON.stringify(booksData(each))
  if (!there.balanced || told(there) !== told(proof)) {
    throw new Refusal('The books of the target differ from those of the ledger; nothing was moved.')
  }
}

/** Reads what the open transaction sees. */
function withinTransaction(client: Client): Store {
  const read = async (sql: string, params: readonly unknown[] = []) => (await client.query<Row>(sql, [...params])).rows
  return {
    dialect: 'postgres',
    write: () => Promise.reject(new Error('this store only reads')),
    read,
    async snapshot(reads) {
      const found: Row[][] = []
      for (const { sql, params } of reads) found.push(await read(sql, params))
      return found
    },
    close: async () => undefined,
  }
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const sentences: Readonly<Record<string, string>> = {
  '22021': 'A text in the ledger has a character that PostgreSQL cannot keep (code 0 or no UTF-8).',
  '42501': 'This user may not write in the target database.',
  '53100': "The target's disk is full.",
  '55P03': 'Somebody works in the target database: stop every Tollgate that uses it.',
}

function toldBy(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: string }
  if (error instanceof Refusal || typeof code !== 'string') return error
  return new Refusal(`${sentences[code] ?? `The target database failed: ${message}.`} Nothing was moved.`)
}

function reportOf({ rows, bodies }: Moved, proof: Books, kept: string): Report {
  const counts = Object.entries(rows).filter(([, count]) => count > 0)
  return {
    lines: [
      ...counts.map(([name, count]) => `${name}: ${count} rows, read back and the same`),
      `${bodies} answers kept for Idempotency-Keys moved with it.`,
      ...booksLines(proof),
      `The SQLite ledger is kept as ${kept}; no server will go on with it.`,
      'Next: set DATABASE_URL to the target and start the server.',
    ],
    data: { rows, bodies, kept, books: booksData(proof) },
  }
}
