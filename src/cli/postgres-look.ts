import { Client } from 'pg'
import { migrationsFor } from '../store/migrate.ts'
import { refusalFor } from '../store/postgres-start.ts'
import { Refusal } from './tool.ts'

const connectTimeoutMs = 5000

/** Works over one connection to a PostgreSQL server that nothing waits for. Throws StoreRefusal when it cannot be had. */
export async function withServer<Answer>(url: string, work: (client: Client) => Promise<Answer>): Promise<Answer> {
  const client = new Client({
    connectionString: url,
    application_name: 'tollgate tool',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  })
  // What breaks the connection also rejects the query that is under way.
  client.on('error', () => undefined)
  await client.connect().catch((error: unknown) => {
    throw refusalFor(error)
  })
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** The number of the last migration, 0 for a database that is no ledger yet. */
export async function schemaOfServer(client: Client): Promise<number> {
  const known = await client.query<{ name: string | null }>(`SELECT to_regclass('schema_migrations')::text AS name`)
  if (!known.rows[0]?.name) return 0
  const { rows } = await client.query<{ at: string | null }>('SELECT max(number) AS at FROM schema_migrations')
  return Number(rows[0]?.at ?? 0)
}

export const newestOnServer = (): number => migrationsFor('postgres').at(-1)?.number ?? 0

/** Throws Refusal unless the schema is the one this version reads. */
export function refuseOtherSchema(schema: number | undefined, newest: number, where: string): void {
  if (schema === newest) return
  if (!schema) throw new Refusal(`${where} is no ledger yet; tollgate migrate makes it one.`, 78)
  if (schema < newest) throw new Refusal(`${where} is at schema ${schema}; run tollgate migrate first.`, 78)
  throw new Refusal(`${where} was written by a newer Tollgate (schema ${schema}); use that version.`, 78)
}
