/** Puts rows in bulk into a migrated database, past all rooms. */
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import type { Database } from '../../src/store/open.ts'

export type Line = readonly (string | number | null)[]
export type Sink = {
  put(table: string, columns: readonly string[], line: Line): Promise<void> | void
  close(): Promise<void>
}

export async function openSink(database: Database): Promise<Sink> {
  return database.kind === 'sqlite' ? sqliteSink(database.path) : postgresSink(database.url)
}

function sqliteSink(path: string): Sink {
  const ledger = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  // No journal, since nobody needs half of it.
  ledger.exec(
    'PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000; BEGIN',
  )
  // Made at the end, sorted, they take a fraction of the time.
  const indexes = ledger.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`).all()
  for (const { name } of indexes) ledger.exec(`DROP INDEX ${name}`)
  const inserts = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  return {
    put(table, columns, line) {
      let insert = inserts.get(table)
      if (!insert) {
        insert = ledger.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`)
        inserts.set(table, insert)
      }
      insert.run(...line)
    },
    async close() {
      for (const { sql } of indexes) ledger.exec(String(sql))
      ledger.exec('COMMIT')
      ledger.close()
    },
  }
}

const atOnce = 2000

async function postgresSink(url: string): Promise<Sink> {
  const client = new Client({ connectionString: url })
  await client.connect()
  // Lines come in any order of tables, so references are not looked at while they come.
  await client.query('SET session_replication_role = replica; SET synchronous_commit = off')
  // Made at the end, sorted, they take a fraction of the time.
  const later = await client.query<{ away: string; back: string }>(
    `SELECT 'DROP INDEX ' || indexname AS away, indexdef AS back FROM pg_indexes
      WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)
    UNION ALL SELECT format('ALTER TABLE %s DROP CONSTRAINT %s', conrelid::regclass, conname),
      format('ALTER TABLE %s ADD CONSTRAINT %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE contype = 'p' AND cardinality(conkey) > 1 AND connamespace = 'public'::regnamespace`,
  )
  for (const { away } of later.rows) await client.query(away)
  const types = new Map<string, string>()
  const found = await client.query<{ at: string; type: string }>(
    `SELECT table_name || '.' || column_name AS at, data_type AS type FROM information_schema.columns WHERE table_schema = 'public'`,
  )
  for (const { at, type } of found.rows) types.set(at, type)
  const waiting = new Map<string, { readonly columns: readonly string[]; lines: Line[] }>()

  async function flush(table: string): Promise<void> {
    const { columns, lines } = waiting.get(table) ?? { columns: [], lines: [] }
    waiting.delete(table)
    if (lines.length === 0) return
    const arrays = columns.map((column, index) => `$${index + 1}::${types.get(`${table}.${column}`)}[]`)
    const text = `INSERT INTO ${table} (${columns}) SELECT * FROM unnest(${arrays})`
    await client.query(
      text,
      columns.map((_, index) => lines.map((line) => line[index])),
    )
  }

  return {
    put(table, columns, line) {
      const some = waiting.get(table) ?? { columns, lines: [] }
      waiting.set(table, some)
      return some.lines.push(line) < atOnce ? undefined : flush(table)
    },
    async close() {
      for (const table of [...waiting.keys()]) await flush(table)
      await client.query(`SET maintenance_work_mem = '1GB'`)
      for (const { back } of later.rows) await client.query(back)
      await client.query('VACUUM ANALYZE')
      await client.end()
    },
  }
}
