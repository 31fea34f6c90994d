import { existsSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { migrationsFor } from './migrate.ts'
import { type Row, type Statement, type Store, StoreRefusal } from './store.ts'

const busyTimeoutMs = 5000

/**
 * Reads a whole ledger, which sentences call `name`, and answers the number of its schema. Throws StoreRefusal: 65 when
 * it is damaged or none at all, 78 when a newer Tollgate wrote it.
 */
export function checkLedger(path: string, name = path): number {
  const ledger = openToRead(path)
  try {
    const fault = faultIn(ledger)
    if (fault) throw new StoreRefusal(65, `${name} is damaged: ${fault}.`)
    const schema = schemaOf(ledger)
    if (schema === undefined) throw new StoreRefusal(65, `${name} is no ledger of Tollgate.`)
    if (schema > newestSchema()) throw new StoreRefusal(78, newer(name, schema))
    return schema
  } catch (error) {
    throw refusalOf(error, name)
  } finally {
    ledger.close()
  }
}

/** What is wrong with the file as SQLite sees it, or undefined. Reads all of it. */
export function faultIn(ledger: DatabaseSync): string | undefined {
  const verdict = String(ledger.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'])
  if (verdict !== 'ok') return verdict.replaceAll(/\s+/g, ' ').replace(/\.$/, '')
  const orphan = ledger.prepare('PRAGMA foreign_key_check').get()
  return orphan && `a row of ${orphan['table']} belongs to no row of ${orphan['parent']}`
}

/** The number of the last migration, or undefined where the file is no ledger. */
export function schemaOf(ledger: DatabaseSync): number | undefined {
  const known = ledger.prepare(`SELECT 1 AS one FROM sqlite_schema WHERE name = 'schema_migrations'`).get()
  if (!known) return undefined
  return Number(ledger.prepare('SELECT coalesce(max(number), 0) AS n FROM schema_migrations').get()?.['n'])
}

export function newestSchema(): number {
  return migrationsFor('sqlite').at(-1)?.number ?? 0
}

function newer(name: string, schema: number): string {
  return `${name} was written by a newer Tollgate (schema ${schema}); use that version.`
}

/** Opens a ledger beside its server, which is not disturbed. Throws StoreRefusal. */
export function openToRead(path: string): DatabaseSync {
  if (!existsSync(path)) throw new StoreRefusal(78, `There is no ledger at ${path}.`)
  try {
    // The first reader of a file makes a log beside it, which only one who may write takes away again.
    return new DatabaseSync(path, { readOnly: existsSync(`${path}-wal`), timeout: busyTimeoutMs })
  } catch (error) {
    throw refusalOf(error, path)
  }
}

/** The reading half of a store over an open ledger of the present schema, for sums and reports. */
export function readingStore(ledger: DatabaseSync): Store {
  const rowsOf = ({ sql, params }: Statement): Row[] => {
    const rows = ledger.prepare(sql.replaceAll(/\$(\d+)/g, '?$1')).all(...params)
    return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])))
  }

  async function snapshot(reads: readonly Statement[]) {
    ledger.exec('BEGIN')
    try {
      return reads.map(rowsOf)
    } finally {
      ledger.exec('ROLLBACK')
    }
  }

  return {
    dialect: 'sqlite',
    write: () => Promise.reject(new Error('this store only reads')),
    read: async (sql, params = []) => rowsOf({ sql, params }),
    snapshot,
    close: async () => ledger.close(),
  }
}

function plain(value: SQLOutputValue) {
  return typeof value === 'bigint' ? Number(value) : value
}

/** What SQLite says of a file, as a sentence for the operator. Anything else stays as it is. */
export function refusalOf(error: unknown, path: string): unknown {
  const { errcode } = error as { errcode?: unknown }
  // https://sqlite.org/rescode.html: the low byte is the primary code.
  const code = typeof errcode === 'number' ? errcode & 0xff : 0
  const [exitCode, sentence] = sentences[code] ?? []
  return exitCode && sentence ? new StoreRefusal(exitCode, `${path} ${sentence}`, error) : error
}

const sentences: Readonly<Record<number, readonly [exitCode: 65 | 75 | 78, sentence: string]>> = {
  5: [75, 'is locked by another program; try again when that is done.'],
  8: [78, 'cannot be read here; check its owner, its mode and those of its folder.'],
  11: [65, 'is damaged; restore a backup.'],
  13: [78, 'has no room for a copy: the disk is full.'],
  14: [78, 'cannot be opened; check its owner, its mode and those of its folder.'],
  26: [65, 'is damaged or no SQLite database.'],
}
