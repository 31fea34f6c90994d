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
    const unit = [{ sql: create, params: [id, name, externalId, Date.now()], must: 'external_id' }]
    return { id, unit: [...unit, ...wording(id, name, externalId)] }
  }

  /** Throws Problem not_found. */
  async function get(id: string): Promise<Account> {
    const [row] = await store.read('SELECT * FROM accounts WHERE id = $1', [id])
    if (!row) throw new Problem('not_found', { sentence: 'There is no such account.' })
    return accountOf(row)
  }

  /** Newest first; `q` is an id, or what a name, a word of it or an external id begins with, in any letter case. */
  async function list(filter: AccountFilter): Promise<readonly Account[]> {
    const { q } = filter
    const [row] = q === undefined || isId(q, 'acc') ? [] : await store.read(howMany, [most, ...beginning(q)])
    const { sql, params } = finding(filter, Number(row?.['found'] ?? 0) < most)
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
  const unit: Statement[] = [{ sql: update, params, must: 'version' }]
  if (next.name !== account.name || next.externalId !== account.externalId) {
    unit.push({ sql: unword, params: [account.id] }, ...wording(account.id, next.name, next.externalId))
  }
  return { next, unit }
}

const create = `INSERT INTO accounts (id, name, external_id, status, posted, held, entries, day, day_used, month_used, total_used, version, created_at)
  VALUES ($1, $2, $3, 'active', 0, 0, 0, 0, 0, 0, 0, 1, $4) ON CONFLICT (external_id) DO NOTHING`
const update = `UPDATE accounts SET name = $3, external_id = $4, status = $5, rate_calls = $6, rate_window_seconds = $7,
  max_concurrency = $8, quota_credits = $9, quota_period = $10, version = version + 1
  WHERE id = $1 AND version = $2 AND status <> 'closed'`

const unword = 'DELETE FROM account_words WHERE account_id = $1'
const word = 'INSERT INTO account_words (account_id, word) VALUES ($1, $2)'
/** A name has room for so many words that can be looked for, besides itself. */
const mostWords = 12

/** What the search goes by; it is no part of the account's own row, which every call writes. */
function wording(id: string, name: string, externalId: string | null): Statement[] {
  const texts = [name, ...name.split(/\s+/).slice(0, mostWords), ...(externalId === null ? [] : [externalId])]
  const words = new Set(texts.map((text) => text.toLowerCase().trim()).filter((text) => text !== ''))
  return [...words].map((text) => ({ sql: word, params: [id, text] }))
}

/** More than these are not sorted to find the newest of them: accounts are then tried one by one from the newest on. */
const most = 5000
const howMany = `SELECT count(*) AS found FROM
  (SELECT 1 AS one FROM account_words WHERE word >= $2 AND word < $3 LIMIT $1) AS beginnings`

/** The bounds between which all texts stand that begin so. */
function beginning(q: string): [first: string, beyond: string] {
  const first = q.toLowerCase().trim()
  return [first, `${first}\u{10ffff}`]
}

/** Conditions are written only for what is asked, so that an index can serve them. `few`: how many have the word. */
export function finding(filter: AccountFilter, few = true): { sql: string; params: Value[] } {
  const { q, status, before, limit } = filter
  const params: Value[] = [limit]
  const put = (value: Value) => `$${params.push(value)}`
  const conditions: string[] = []
  if (q !== undefined && !isId(q, 'acc')) conditions.push(`id IN (${begun(filter, q, few, put)})`)
  else {
    if (status !== undefined) conditions.push(`status = ${put(status)}`)
    if (before !== undefined) conditions.push(`id < ${put(before)}`)
    if (q !== undefined) conditions.push(`id = ${put(q)}`)
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return { sql: `SELECT * FROM accounts ${where} ORDER BY id DESC LIMIT $1`, params }
}

/** The page's accounts by their words: those that have one are sorted if they are few, and else met one by one. */
function begun({ status, before }: AccountFilter, q: string, few: boolean, put: (value: Value) => string): string {
  const [first, beyond] = beginning(q).map(put)
  // SQLite finds no index behind a NOT, so what is left to it is the order of accounts.
  const conditions = [
    few ? `word >= ${first} AND word < ${beyond}` : `NOT (word < ${first}) AND NOT (word >= ${beyond})`,
  ]
  if (before !== undefined) conditions.push(`account_id < ${put(before)}`)
  if (status !== undefined) {
    conditions.push(`(SELECT status FROM accounts AS found WHERE found.id = account_words.account_id) = ${put(status)}`)
  }
  return `SELECT DISTINCT account_id FROM account_words WHERE ${conditions.join(' AND ')} ORDER BY account_id DESC LIMIT $1`
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
