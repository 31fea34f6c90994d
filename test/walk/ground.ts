import { DatabaseSync } from 'node:sqlite'
import { Pool } from 'pg'
import type { Database } from '../../src/store/open.ts'

export type Row = Readonly<Record<string, unknown>>

/** A way into the database that is not the house's own: what the observer reads, and the record it keeps there. */
export type Ground = {
  readonly database: Database
  /** What DATABASE_URL says. */
  readonly url: string
  /** One statement is one moment, whatever is written meanwhile. */
  query(sql: string): Promise<readonly Row[]>
  run(sql: string): Promise<void>
  close(): Promise<void>
}

/** The ledger's file, opened beside the server that owns it. */
export function sqliteGround(path: string): Ground {
  // Opened anew each time, since a kill may leave a write-ahead log that the next server replaces.
  function opened<Result>(readOnly: boolean, work: (file: DatabaseSync) => Result): Result {
    const file = new DatabaseSync(path, { readOnly, timeout: 5000 })
    try {
      return work(file)
    } finally {
      file.close()
    }
  }
  return {
    database: { kind: 'sqlite', path },
    url: `sqlite:${path}`,
    query: async (sql) => opened(true, (file) => file.prepare(sql).all()),
    run: async (sql) => opened(false, (file) => file.exec(sql)),
    close: async () => undefined,
  }
}

/** Connections of their own to the same database. */
export function postgresGround(url: string): Ground {
  const pool = new Pool({ connectionString: url, max: 3 })
  pool.on('error', () => undefined)
  return {
    database: { kind: 'postgres', url },
    url,
    query: async (sql) => (await pool.query<Row>(sql)).rows,
    run: async (sql) => void (await pool.query(sql)),
    close: () => pool.end(),
  }
}
