import { type Allowance, allowanceColumns, allowanceOf } from '../allowance.ts'
import type { Credits } from '../credits.ts'
import { Problem } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Row, Statement, Store } from '../store/store.ts'

export type AccountStatus = 'active' | 'suspended' | 'closed'

export type Account = Allowance & {
  readonly id: string
  readonly name: string
  readonly externalId: string | null
  readonly status: AccountStatus
  readonly posted: Credits
  readonly held: Credits
  readonly version: number
  readonly createdAtMs: number
}

export type AccountChange = { readonly name?: string; readonly status?: AccountStatus } & Partial<Allowance>
export type AccountFilter = {
  readonly q?: string | undefined
  readonly status?: string | undefined
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

  async function get(id: string): Promise<Account> {
    const [row] = await store.read('SELECT * FROM accounts WHERE id = $1', [id])
    if (!row) throw new Problem('not_found', { sentence: 'There is no such account.' })
    return accountOf(row)
  }

  /** Newest first; `q` is looked for in name, external id and id. */
  async function list({ q, status, before, limit }: AccountFilter): Promise<readonly Account[]> {
    const rows = await store.read(find, [status ?? null, before ?? null, q === undefined ? null : likeText(q), limit])
    return rows.map(accountOf)
  }

  /** Changes what is given, if the account is still at `version`. Throws Problem not_found, conflict. */
  async function change(
    id: string,
    version: number,
    wanted: AccountChange,
    alongside: readonly Statement[],
  ): Promise<Account> {
    const account = await get(id)
    if (account.status === 'closed') throw new Problem('conflict', { sentence: 'The account is closed.' })
    const next = { ...account, ...wanted }
    const unit = {
      sql: update,
      params: [id, version, next.name, next.status, ...allowanceColumns(next)],
      must: 'version',
    }
    const done = await store.write([unit, ...alongside])
    if (done.refused !== undefined)
      throw new Problem('conflict', { sentence: 'Somebody else changed the account; read it again.' })
    return get(id)
  }

  return { creating, get, list, change }
}

const create = `INSERT INTO accounts (id, name, external_id, status, posted, held, entries, day, day_used, month_used, total_used, version, created_at)
  VALUES ($1, $2, $3, 'active', 0, 0, 0, 0, 0, 0, 0, 1, $4) ON CONFLICT (external_id) DO NOTHING`
const find = `SELECT * FROM accounts WHERE (CAST($1 AS TEXT) IS NULL OR status = $1) AND (CAST($2 AS TEXT) IS NULL OR id < $2)
  AND (CAST($3 AS TEXT) IS NULL OR lower(name) LIKE $3 ESCAPE '\\' OR lower(external_id) LIKE $3 ESCAPE '\\' OR id LIKE $3 ESCAPE '\\')
  ORDER BY id DESC LIMIT $4`
const update = `UPDATE accounts SET name = $3, status = $4, rate_calls = $5, rate_window_seconds = $6, max_concurrency = $7,
  quota_credits = $8, quota_period = $9, version = version + 1 WHERE id = $1 AND version = $2`

function likeText(q: string): string {
  return `%${q.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
}

function accountOf(row: Row): Account {
  return {
    id: String(row['id']),
    name: String(row['name']),
    externalId: row['external_id'] as string | null,
    status: row['status'] as AccountStatus,
    posted: Number(row['posted']) as Credits,
    held: Number(row['held']) as Credits,
    version: Number(row['version']),
    createdAtMs: Number(row['created_at']),
    ...allowanceOf(row),
  }
}
