import type { Ground } from './ground.ts'

/**
 * A record of its own that the database keeps by triggers, so that what happened can be replayed in the order of the
 * commits, whatever the house's own rows say afterwards. All writes of one account are in that order, because each of
 * them has the account's row.
 */
const columns =
  'seq, kind, account, key_id, spend, call, amount, state, day, quota, period, account_quota, account_period'
const fresh = (call: string, kind: string, amount: string, state: string) => `INSERT INTO walk_log
    (at_ms, kind, account, key_id, spend, call, amount, state, day, quota, period, account_quota, account_period)
  SELECT %now%, '${kind}', ${call}.account_id, ${call}.key_id, ${call}.spend_id, ${call}.id, ${amount}, ${state}, ${call}.day,
    keys.quota_credits, keys.quota_period, accounts.quota_credits, accounts.quota_period
  FROM keys JOIN accounts ON accounts.id = ${call}.account_id WHERE keys.id = ${call}.key_id;`
const line = (kind: string, entry: string) => `INSERT INTO walk_log (at_ms, kind, account, call, amount, state, day)
  VALUES (%now%, '${kind}', ${entry}.account_id, ${entry}.call_id, ${entry}.credits, ${entry}.kind, ${entry}.number);`

const events = [
  { name: 'walk_hold', on: 'INSERT ON calls', when: 'true', act: fresh('NEW', 'hold', 'NEW.held', 'NEW.state') },
  {
    name: 'walk_end',
    on: 'UPDATE OF state ON calls',
    when: 'true',
    act: fresh('NEW', 'end', 'NEW.credits', `OLD.state || '>' || NEW.state`),
  },
  {
    name: 'walk_refund',
    on: 'UPDATE OF refunded_at ON calls',
    when: 'NEW.refunded_at IS NOT NULL',
    act: fresh('NEW', 'refund', 'NEW.credits', `'refund'`),
  },
  { name: 'walk_entry', on: 'INSERT ON entries', when: 'true', act: line('entry', 'NEW') },
] as const

const table = (serial: string) => `CREATE TABLE walk_log (seq ${serial}, at_ms BIGINT NOT NULL, kind TEXT NOT NULL,
  account TEXT NOT NULL, key_id TEXT, spend TEXT, call TEXT, amount BIGINT NOT NULL, state TEXT NOT NULL, day BIGINT NOT NULL,
  quota BIGINT, period TEXT, account_quota BIGINT, account_period TEXT)`

/** Begins the record; before the first server starts. */
export async function installWitness(ground: Ground): Promise<void> {
  await ground.run(ground.database.kind === 'sqlite' ? sqliteWitness() : postgresWitness())
}

function sqliteWitness(): string {
  const now = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
  const triggers = events.map(
    ({ name, on, when, act }) =>
      `CREATE TRIGGER ${name} AFTER ${on} WHEN ${when} BEGIN ${act.replace('%now%', now)} END;`,
  )
  return `${table('INTEGER PRIMARY KEY AUTOINCREMENT')}; ${triggers.join('\n')}`
}

function postgresWitness(): string {
  const now = `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`
  const triggers = events.map(
    ({ name, on, when, act }) => `
    CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${act.replace('%now%', now)} RETURN NULL; END $$;
    CREATE TRIGGER ${name} AFTER ${on} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}();`,
  )
  return `${table('BIGSERIAL PRIMARY KEY')}; ${triggers.join('\n')}`
}

export type Seen = {
  readonly seq: number
  readonly atMs: number
  readonly kind: 'hold' | 'end' | 'refund' | 'entry'
  readonly account: string
  readonly key: string
  readonly spend: string
  readonly call: string | null
  readonly amount: number
  /** The state, both states of an end as `held>settled`, or the kind of an entry. */
  readonly state: string
  /** The day a call counts in, or the number of an entry. */
  readonly day: number
  readonly quota: Quota
  readonly accountQuota: Quota
}

export type Quota = { readonly credits: number; readonly period: string } | null

export async function recordOf(ground: Ground): Promise<Seen[]> {
  const rows = await ground.query(`SELECT at_ms, ${columns} FROM walk_log ORDER BY seq`)
  return rows.map((row) => ({
    seq: Number(row['seq']),
    atMs: Number(row['at_ms']),
    kind: row['kind'] as Seen['kind'],
    account: String(row['account']),
    key: String(row['key_id']),
    spend: String(row['spend']),
    call: row['call'] as string | null,
    amount: Number(row['amount']),
    state: String(row['state']),
    day: Number(row['day']),
    quota: quotaOf(row['quota'], row['period']),
    accountQuota: quotaOf(row['account_quota'], row['account_period']),
  }))
}

function quotaOf(credits: unknown, period: unknown): Quota {
  return credits === null ? null : { credits: Number(credits), period: String(period) }
}
