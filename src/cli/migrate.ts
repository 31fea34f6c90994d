import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Environment } from '../config.ts'
import type { Database } from '../store/open.ts'
import { copyNameBefore } from '../store/sqlite-backup.ts'
import { openToRead, refusalOf, schemaOf } from '../store/sqlite-reading.ts'
import { databaseOf, openStoreSoon, type Report } from './tool.ts'

/**
 * Brings the ledger to this version's schema without serving it, and tells what was done; on SQLite a checked copy comes
 * first. Throws StoreRefusal (75 while a server has the file, 78 newer schema, wrong address or password).
 */
export async function migrate(env: Environment): Promise<Report> {
  const database = databaseOf(env)
  const before = schemaBefore(database)
  const startedMs = Date.now()
  const store = await openStoreSoon(database)
  try {
    const rows = await store.read('SELECT number, name, applied_at FROM schema_migrations ORDER BY number')
    const done = rows.filter((row) =>
      before === undefined ? Number(row['applied_at']) >= startedMs : Number(row['number']) > before,
    )
    return reportOf(database, Number(rows.at(-1)?.['number']), done.map(nameOf), copyOf(database, before, done))
  } finally {
    await store.close()
  }
}

type Applied = readonly Readonly<Record<string, unknown>>[]

function nameOf(row: Applied[number]): string {
  return `${String(row['number']).padStart(4, '0')}-${row['name']}`
}

/** Of a server only its own rows tell what was new. */
function schemaBefore(database: Database): number | undefined {
  if (database.kind === 'postgres') return undefined
  if (!existsSync(database.path)) return 0
  const ledger = openToRead(database.path)
  try {
    return schemaOf(ledger) ?? 0
  } catch (error) {
    throw refusalOf(error, database.path)
  } finally {
    ledger.close()
  }
}

function copyOf(database: Database, before: number | undefined, done: Applied): string | undefined {
  const [first] = done
  if (database.kind !== 'sqlite' || !before || !first) return undefined
  const name = copyNameBefore(database.path, Number(first['number']))
  const copies = readdirSync(dirname(name)).filter((each) => each.startsWith(basename(name)))
  const ages = copies.map((each) => ({
    path: join(dirname(name), each),
    ms: statSync(join(dirname(name), each)).mtimeMs,
  }))
  return ages.sort((one, other) => other.ms - one.ms)[0]?.path
}

function reportOf(database: Database, schema: number, done: readonly string[], copy: string | undefined): Report {
  const where = database.kind === 'sqlite' ? database.path : 'The database'
  const applied = done.map((name) => `applied ${name}`)
  return {
    lines: [
      ...(copy ? [`The ledger as it was is kept as ${copy}, checked.`] : []),
      ...applied,
      done.length === 0
        ? `${where} is at schema ${schema} already; nothing to do.`
        : `${where} is at schema ${schema}.`,
    ],
    data: { schema, applied: done, copy: copy ?? null },
  }
}
