import { LruMap } from 'toad-cache'
import { type Allowance, allowanceColumns, allowanceOf } from '../allowance.ts'
import { Problem } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Row, Statement, Store } from '../store/store.ts'
import { inside, parseSubnet, type Subnet } from '../subnets.ts'
import { digestOf, hintOf, mintKey } from './key.ts'

export type Right = 'call' | 'read' | 'manage'
export type KeyStatus = 'active' | 'expired' | 'revoked'

export type Key = Allowance & {
  readonly id: string
  readonly accountId: string
  readonly spendId: string
  readonly name: string
  readonly mode: 'live' | 'test'
  readonly hint: string
  readonly rights: readonly Right[]
  /** Ids of the offers it may buy; null is all. */
  readonly offers: readonly string[] | null
  readonly allowIps: readonly string[] | null
  readonly expiresAtMs: number | null
  readonly revokedAtMs: number | null
  readonly version: number
  readonly createdAtMs: number
}

/** A key as the doors meet it: with its account's state, and its address list ready to ask. */
export type Identity = Key & {
  readonly account: Allowance & { readonly status: string }
  readonly allows: ((address: string) => boolean) | null
}

export type KeyWish = Partial<Allowance> & {
  readonly name: string
  readonly mode?: 'live' | 'test' | undefined
  readonly rights?: readonly Right[] | undefined
  readonly offers?: readonly string[] | null | undefined
  readonly allowIps?: readonly string[] | null | undefined
  readonly expiresAtMs?: number | null | undefined
}
export type KeyChange = Partial<Omit<KeyWish, 'mode'>>

export type KeyFilter = {
  readonly accountId?: string | undefined
  readonly status?: KeyStatus | undefined
  readonly before?: string | undefined
  readonly limit: number
}

export type Keys = ReturnType<typeof openKeys>

/**
 * The keys of accounts. A secret is known here only while it is minted; a digest stands for it ever after.
 * `rememberedMs` bounds how long a change made elsewhere stays unseen; 0 is for the only server of a database.
 */
export function openKeys(store: Store, rememberedMs: number, rememberedKeys = 100_000) {
  const remembered = new LruMap<Identity>(rememberedKeys, rememberedMs)
  let changes = 0

  /** The identity behind a digest if it is in memory, so that the usual call waits for nothing. */
  function known(digest: string): Identity | undefined {
    return remembered.get(digest)
  }

  /** Looks up by digest, so a stolen database opens no door. Answers revoked and expired keys too. */
  async function find(digest: string): Promise<Identity | undefined> {
    const before = changes
    const [row] = await store.read(identify, [digest])
    const identity = row && identityOf(row)
    // A change that came in between may be younger than what was read, so such a reading is not kept.
    if (identity && before === changes) remembered.set(digest, identity)
    return identity
  }

  /** Drops what is remembered; every change to keys or accounts must end with this. */
  function forget(): void {
    changes++
    remembered.clear()
  }

  /** A new key, its secret (told once) and the statements that store it. */
  function issuing(accountId: string, wish: KeyWish): { id: string; secret: string; unit: Statement[] } {
    const id = newId('key')
    const secret = mintKey(wish.mode ?? 'live')
    const key = { id, accountId, spendId: id, hint: hintOf(secret), ...allowed(wish) }
    return { id, secret, unit: [newSpend(id), insertion(key, digestOf(secret))] }
  }

  /** Throws Problem not_found; with `accountId`, another account's key is as unknown as one that never was. */
  async function get(id: string, accountId?: string): Promise<Key> {
    const [row] = await store.read('SELECT * FROM keys WHERE id = $1', [id])
    if (!row || (accountId !== undefined && row['account_id'] !== accountId)) throw unknownKey()
    return keyOf(row)
  }

  /** Newest first. */
  async function list({ accountId, status, before, limit }: KeyFilter): Promise<readonly Key[]> {
    const rows = await store.read(select, [accountId ?? null, before ?? null, status ?? null, Date.now(), limit])
    return rows.map(keyOf)
  }

  /** Changes what is given, if the key is still at `version`. Throws Problem conflict. */
  async function change(key: Key, wanted: KeyChange, alongside: readonly Statement[]): Promise<Key> {
    if (key.revokedAtMs !== null) throw new Problem('conflict', { sentence: 'The key is revoked.' })
    const next = { ...key, ...wanted }
    const unit = {
      sql: update,
      params: [key.id, key.version, next.name, ...lists(next), ...allowanceColumns(next), next.expiresAtMs ?? null],
      must: 'version',
    }
    const done = await store.write([unit, ...alongside])
    forget()
    if (done.refused !== undefined) {
      throw new Problem('conflict', { sentence: 'Somebody else changed the key; read it again.' })
    }
    return get(key.id)
  }

  /** From the next call on nobody gets in with it; calls in flight run to their end. Revoking twice changes nothing. */
  async function revoke(id: string, alongside: readonly Statement[]): Promise<Key> {
    const unit = { sql: 'UPDATE keys SET revoked_at = $2, version = version + 1 WHERE id = $1 AND revoked_at IS NULL' }
    await store.write([{ ...unit, params: [id, Date.now()], must: 'revoked' }, ...alongside])
    forget()
    return get(id)
  }

  return { known, find, forget, issuing, get, list, change, revoke }
}

const identify = `SELECT keys.*, accounts.status AS account_status, accounts.rate_calls AS account_rate_calls,
    accounts.rate_window_seconds AS account_rate_window_seconds, accounts.max_concurrency AS account_max_concurrency,
    accounts.quota_credits AS account_quota_credits, accounts.quota_period AS account_quota_period
  FROM keys JOIN accounts ON accounts.id = keys.account_id WHERE keys.digest = $1`
const select = `SELECT * FROM keys WHERE (CAST($1 AS TEXT) IS NULL OR account_id = $1) AND (CAST($2 AS TEXT) IS NULL OR id < $2)
  AND (CAST($3 AS TEXT) IS NULL OR $3 = CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= $4 THEN 'expired' ELSE 'active' END)
  ORDER BY id DESC LIMIT $5`
const insert = `INSERT INTO keys (id, account_id, spend_id, name, mode, digest, hint, rights, offers, allow_ips,
    rate_calls, rate_window_seconds, max_concurrency, quota_credits, quota_period, expires_at, version, created_at)
  SELECT $1, accounts.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17
  FROM accounts WHERE accounts.id = $2 AND accounts.status <> 'closed'`
const update = `UPDATE keys SET name = $3, rights = $4, offers = $5, allow_ips = $6, rate_calls = $7, rate_window_seconds = $8,
  max_concurrency = $9, quota_credits = $10, quota_period = $11, expires_at = $12, version = version + 1
  WHERE id = $1 AND version = $2 AND revoked_at IS NULL`

function newSpend(id: string): Statement {
  return {
    sql: 'INSERT INTO spends (id, day, day_used, month_used, total_used) VALUES ($1, 0, 0, 0, 0)',
    params: [id],
  }
}

type NewKey = Omit<Key, 'revokedAtMs' | 'version' | 'createdAtMs'>

function insertion(key: NewKey, digest: string): Statement {
  const params = [
    ...[key.id, key.accountId, key.spendId, key.name, key.mode, digest, key.hint],
    ...[...lists(key), ...allowanceColumns(key), key.expiresAtMs, Date.now()],
  ]
  return { sql: insert, params, must: 'account' }
}

function lists({ rights, offers, allowIps }: Pick<Key, 'rights' | 'offers' | 'allowIps'>): (string | null)[] {
  return [JSON.stringify(rights), offers && JSON.stringify(offers), allowIps && JSON.stringify(allowIps)]
}

function allowed(wish: KeyWish) {
  const { name, mode = 'live', rights = ['call', 'read'], offers = null, allowIps = null, expiresAtMs = null } = wish
  const { rate = null, maxConcurrency = null, quota = null } = wish
  return { name, mode, rights, offers, allowIps, expiresAtMs, rate, maxConcurrency, quota } as const
}

/** Also what a key that never was is called. */
export function unknownKey(): Problem {
  return new Problem('not_found', { sentence: 'There is no such key.' })
}

export function statusOf(key: Key, nowMs: number): KeyStatus {
  if (key.revokedAtMs !== null) return 'revoked'
  return key.expiresAtMs !== null && key.expiresAtMs <= nowMs ? 'expired' : 'active'
}

function keyOf(row: Row): Key {
  const list = <Item>(column: string) => (row[column] === null ? null : (JSON.parse(String(row[column])) as Item[]))
  return {
    id: String(row['id']),
    accountId: String(row['account_id']),
    spendId: String(row['spend_id']),
    name: String(row['name']),
    mode: row['mode'] === 'test' ? 'test' : 'live',
    hint: String(row['hint']),
    rights: list<Right>('rights') ?? [],
    offers: list<string>('offers'),
    allowIps: list<string>('allow_ips'),
    expiresAtMs: row['expires_at'] as number | null,
    revokedAtMs: row['revoked_at'] as number | null,
    version: Number(row['version']),
    createdAtMs: Number(row['created_at']),
    ...allowanceOf(row),
  }
}

function identityOf(row: Row): Identity {
  const key = keyOf(row)
  const account = Object.fromEntries(
    Object.entries(row).flatMap(([column, value]) => (column.startsWith('account_') ? [[column.slice(8), value]] : [])),
  )
  const subnets = key.allowIps?.map(parseSubnet).filter((subnet): subnet is Subnet => subnet !== undefined)
  return {
    ...key,
    account: { status: String(row['account_status']), ...allowanceOf(account) },
    allows: subnets ? inside(subnets) : null,
  }
}
