import { type Allowance, allowanceColumns, allowanceOf } from '../allowance.ts'
import { type Counters, countersOf } from '../counters.ts'
import type { Credits } from '../credits.ts'
import { Problem } from '../errors.ts'
import { isId, newId } from '../ids.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'

type AccountStatus = 'active' | 'suspended' | 'closed'

export type Account = Allowance & {
  readonly id: string
  readonly name: string
  readonly externalId: string | null
  readonly status: AccountStatus
  readonly posted: Credits
  readonly held: Credits
  readonly counters: Counters
  readonly version: number
  readonly createdAtMs: number
}

export type AccountChange = { readonly name?: string; readonly status?: AccountStatus } & Partial<Allowance>

export type AccountFilter = {
  readonly q?: string | undefined
  readonly status?: AccountStatus | undefined
  readonly before?: string | undefined
  readonly limit: number
}

export type Accounts = ReturnType<typeof openAccounts>

/** Who owns credits. Balances are the ledger's; this room never writes them. */
export function openAccounts(store: Store) {
  /** The id of a new account and the statements that make it, for a unit in which credits can follow. */
  function creating(name: string, externalId: string | null): { id: string; unit: Statement[] } {
    const id = newId('acc')
    return { id, unit: [{ sql: create, params: [id, name, externalId, Date.now()], must: 'external_id' }] }
  }

  /** Throws Problem not_found. */
  async function get(id: string): Promise<Account> {
    const [row] = await store.read('SELECT * FROM accounts WHERE id = $1', [id])
    if (!row) throw new Problem('not_found', { sentence: 'There is no such account.' })
    return accountOf(row)
  }

  /** Newest first; `q` is an id, or looked for in names and external ids. */
  async function list(filter: AccountFilter): Promise<readonly Account[]> {
    const { sql, params } = finding(filter)
    return (await store.read(sql, params)).map(accountOf)
  }

  return { creating, get, list }
}

/**
 * The account as it will be, and the statement that makes it so if nobody changed it meanwhile; it refuses as
 * `version`. Closing erases name and external id. Throws Problem conflict when the account is closed.
 */
export function changing(account: Account, wanted: AccountChange): { next: Account; unit: Statement[] } {
  if (account.status === 'closed') throw new Problem('conflict', { sentence: 'The account is closed.' })
  const erased = wanted.status === 'closed' ? { name: '', externalId: null } : {}
  const next = { ...account, ...wanted, ...erased, version: account.version + 1 }
  const params = [account.id, account.version, next.name, next.externalId, next.status, ...allowanceColumns(next)]
  return { next, unit: [{ sql: update, params, must: 'version' }] }
}

const create = `INSERT INTO accounts (id, name, external_id, status, posted, held, entries, day, day_used, month_used, total_used, version, created_at)
  VALUES ($1, $2, $3, 'active', 0, 0, 0, 0, 0, 0, 0, 1, $4) ON CONFLICT (external_id) DO NOTHING`
const update = `UPDATE accounts SET name = $3, external_id = $4, status = $5, rate_calls = $6, rate_window_seconds = $7,
  max_concurrency = $8, quota_credits = $9, quota_period = $10, version = version + 1
  WHERE id = $1 AND version = $2 AND status <> 'closed'`

/** Conditions are written only for what is asked, so that an index can serve them. */
export function finding({ q, status, before, limit }: AccountFilter): { sql: string; params: Value[] } {
  const params: Value[] = [limit]
  const put = (value: Value) => `$${params.push(value)}`
  const conditions: string[] = []
  if (status !== undefined) conditions.push(`status = ${put(status)}`)
  if (before !== undefined) conditions.push(`id < ${put(before)}`)
  if (q !== undefined) conditions.push(isId(q, 'acc') ? `id = ${put(q)}` : holding(q, put))
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return { sql: `SELECT * FROM accounts ${where} ORDER BY id DESC LIMIT $1`, params }
}

// SQLite folds the case of ASCII only, so a text is also looked for as it was typed.
function holding(q: string, put: (value: Value) => string): string {
  const [folded, typed] = [put(likeText(q.toLowerCase())), put(likeText(q))]
  const places = ['name', 'external_id'].flatMap((column) => [
    `lower(${column}) LIKE ${folded} ESCAPE '\\'`,
    `${column} LIKE ${typed} ESCAPE '\\'`,
  ])
  return `(${places.join(' OR ')})`
}

function likeText(q: string): string {
  return `%${q.replaceAll(/[\\%_]/g, '\\$&')}%`
}

function accountOf(row: Row): Account {
  return {
    id: String(row['id']),
    name: String(row['name']),
    externalId: row['external_id'] as string | null,
    status: row['status'] as AccountStatus,
    posted: Number(row['posted']) as Credits,
    held: Number(row['held']) as Credits,
    counters: countersOf(row),
    version: Number(row['version']),
    createdAtMs: Number(row['created_at']),
    ...allowanceOf(row),
  }
}
