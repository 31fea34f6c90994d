import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { migrationsFor } from './migrate.ts'
import { stateOf } from './postgres-trouble.ts'
import { StoreRefusal } from './store.ts'

export type Waiting = {
  /** Gives up waiting for a server that does not answer. */
  readonly signal?: AbortSignal | undefined
  /** Told why it waits, and what about the server's settings endangers the books. No sentence has a secret in it. */
  readonly notice?: ((sentence: string) => void) | undefined
}

const firstPauseMs = 250
const longestPauseMs = 5000
const oldestServer = 140_000
/** Any number will do, as long as every Tollgate takes the same. */
const migrationLock = 7_465_766

/** Brings the schema up to date. Answers whether the server flushes commits before it confirms them. */
export async function prepareDatabase(url: string, waiting: Waiting): Promise<{ readonly durable: boolean }> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const client = new Client({ connectionString: url, application_name: 'tollgate', connectionTimeoutMillis: 5000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const server = await settingsOf(client)
      await migrate(client)
      return { durable: judged(server, waiting) }
    } catch (error) {
      if (!mayComeYet(error)) throw refusalFor(error)
      waiting.notice?.(`the database server does not answer (${reason(error)}); trying again`)
    } finally {
      await client.end().catch(() => undefined)
    }
    await sleep(pauseMs, undefined, { signal: waiting.signal })
  }
}

async function settingsOf(client: Client): Promise<ReadonlyMap<string, string>> {
  const names = ['synchronous_commit', 'fsync', 'full_page_writes', 'server_version_num', 'transaction_read_only']
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name`,
    [names],
  )
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  if (Number(settings.get('server_version_num')) < oldestServer) {
    throw new StoreRefusal(78, 'DATABASE_URL: PostgreSQL 14 or later is needed.')
  }
  if (settings.get('transaction_read_only') === 'on') throw new ReadOnlyServer()
  return settings
}

/** A standby, or a primary set so; it may be promoted yet. */
class ReadOnlyServer extends Error {}

function judged(settings: ReadonlyMap<string, string>, { notice }: Waiting): boolean {
  for (const name of ['fsync', 'full_page_writes']) {
    if (settings.get(name) === 'off') notice?.(`the database server runs with ${name}=off: a power loss may cost it`)
  }
  const durable = ['on', 'remote_apply'].includes(settings.get('synchronous_commit') ?? '')
  if (!durable) notice?.('the database server has synchronous_commit off; it is turned on for every transaction here')
  return durable
}

// One at a time, each in a transaction that holds the lock, so that replicas starting together take turns.
async function migrate(client: Client): Promise<void> {
  const migrations = migrationsFor('postgres')
  const newest = migrations.at(-1)?.number ?? 0
  for (;;) {
    await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${migrationLock})`)
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations
      (number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)`)
    const { rows } = await client.query<{ at: string | null }>('SELECT max(number) AS at FROM schema_migrations')
    const at = Number(rows[0]?.at ?? 0)
    if (at > newest) {
      throw new StoreRefusal(78, `The database was written by a newer Tollgate (schema ${at}); start that version.`)
    }
    const next = migrations.find(({ number }) => number > at)
    if (!next) return void (await client.query('COMMIT'))
    await client.query(next.sql)
    const done = [next.number, next.name, Date.now()]
    await client.query('INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)', done)
    await client.query('COMMIT')
  }
}

const onTheWay = ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'ENOENT']
const unnamed = ['ENOTFOUND', 'EAI_AGAIN']

function mayComeYet(error: unknown): boolean {
  if (error instanceof StoreRefusal) return false
  if (error instanceof ReadOnlyServer) return true
  const state = stateOf(error)
  if (state !== undefined) return /^(57P|53|08|40)/.test(state) || state === '25006'
  const { code, message } = errorOf(error)
  return onTheWay.includes(code) || unnamed.includes(code) || /timeout|terminated/i.test(message)
}

function reason(error: unknown): string {
  if (error instanceof ReadOnlyServer) return 'it takes no writes'
  return stateOf(error) ?? (errorOf(error).code || errorOf(error).message)
}

/** A host with several addresses fails with one error for each. */
function errorOf(error: unknown): { readonly code: string; readonly message: string } {
  const first = error instanceof AggregateError ? error.errors[0] : error
  const { code = '', message = '' } = first as { code?: string; message?: string }
  return { code, message }
}

/** What keeps a PostgreSQL server from being used, as a sentence without a secret. */
export function refusalFor(error: unknown): StoreRefusal {
  if (error instanceof StoreRefusal) return error
  const state = stateOf(error)
  const sentence =
    (state && sentences[state]) ??
    `DATABASE_URL: PostgreSQL cannot be used (${reason(error)}); see the cause in its log.`
  return new StoreRefusal(78, sentence, error)
}

const sentences: Readonly<Record<string, string>> = {
  '28P01': 'DATABASE_URL: the server refuses this user and password.',
  '28000': 'DATABASE_URL: the server does not let this user in from here (see its pg_hba.conf).',
  '3D000': 'DATABASE_URL: the server has no database of this name.',
  '42501': 'DATABASE_URL: this user may not create tables in the database.',
}
