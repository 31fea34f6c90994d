import type { Client } from 'pg'
import { checkSchema, type Examined } from './doctor-file.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { newestOnServer, schemaOfServer, withServer } from './postgres-look.ts'
import { sentencesOf } from './tool.ts'

/** Looks at a PostgreSQL server as far as the ledger depends on it. */
export async function checkServer(url: string): Promise<Examined> {
  try {
    return await withServer(url, examine)
  } catch (error) {
    return { findings: [fail('database', sentencesOf(error).join(' '))], readable: false }
  }
}

async function examine(client: Client): Promise<Examined> {
  const settings = await settingsOf(client)
  const found = await schemaOfServer(client)
  const schema =
    found === 0 ? warn('schema', 'no ledger yet; the first start makes it') : checkSchema(found, newestOnServer())
  const findings = [version(settings), ...flushing(settings), await checkClock(client), schema]
  return { findings, readable: schema.state === 'ok' }
}

type Settings = ReadonlyMap<string, string>

async function settingsOf(client: Client): Promise<Settings> {
  const names = [
    'server_version',
    'server_version_num',
    'synchronous_commit',
    'fsync',
    'full_page_writes',
    'default_transaction_read_only',
  ]
  const { rows } = await client.query<{ name: string; setting: string }>(
    'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name',
    [names],
  )
  return new Map(rows.map(({ name, setting }) => [name, setting]))
}

const oldestServer = 140_000

function version(settings: Settings): Finding {
  const told = `PostgreSQL ${settings.get('server_version')}`
  return Number(settings.get('server_version_num')) < oldestServer
    ? fail('database', `${told}; 14 or later is needed`)
    : ok('database', told)
}

function flushing(settings: Settings): Finding[] {
  const commit = settings.get('synchronous_commit') ?? ''
  const own = 'Tollgate turns it on for its own transactions'
  const durable = ['fsync', 'full_page_writes'].map((name) =>
    settings.get(name) === 'on' ? ok(name, 'on') : fail(name, 'off: a loss of power may cost the whole ledger'),
  )
  const waits = ['on', 'remote_apply'].includes(commit)
  return [waits ? ok('synchronous_commit', commit) : warn('synchronous_commit', `${commit}; ${own}`), ...durable]
}

const slackMs = 5000

/** Leases run on the server's clock and are not hurt by ours; times in reports are. */
async function checkClock(client: Client): Promise<Finding> {
  const beganMs = Date.now()
  const { rows } = await client.query<{ ms: string }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms',
  )
  const apartMs = Number(rows[0]?.ms) - (beganMs + Date.now()) / 2
  const told = `${Math.round(Math.abs(apartMs) / 100) / 10} s ${apartMs < 0 ? 'ahead of' : 'behind'} the database server`
  return Math.abs(apartMs) > slackMs ? fail('clock', `${told}: set it by NTP`) : ok('clock', told)
}
