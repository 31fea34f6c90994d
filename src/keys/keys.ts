import { LruMap } from 'toad-cache'
import { type Allowance, allowanceColumns, allowanceOf } from '../allowance.ts'
import { type Counters, countersOf } from '../counters.ts'
import { Problem } from '../errors.ts'
import { newId } from '../ids.ts'
import { newestFirst, within } from '../store/newest.ts'
import type { Row, Statement, Store, Value } from '../store/store.ts'
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

/** A key as its owner and the operator look at it: what its quota has bought, and when it was last used. */
export type KeyInUse = Key & { readonly counters: Counters; readonly lastUsedAtMs: number | null }

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
  function issuing(accountId: string, wish: KeyWish): { id: string; secret: string; key: NewKey; unit: Statement[] } {
    const id = newId('key')
    const secret = mintKey(wish.mode ?? 'live')
    const key = { id, accountId, spendId: id, hint: hintOf(secret), ...allowed(wish) }
    return { id, secret, key, unit: [newSpend(id), insertion(key, digestOf(secret))] }
  }

  /** Throws Problem not_found; with `accountId`, another account's key is as unknown as one that never was. */
  async function get(id: string, accountId?: string): Promise<KeyInUse> {
    const [row] = await store.read(`${inUse} WHERE keys.id = $1`, [id])
    if (!row || (accountId !== undefined && row['account_id'] !== accountId)) throw unknownKey()
    return keyInUseOf(row)
  }

  /** Newest first. */
  async function list(filter: KeyFilter): Promise<readonly KeyInUse[]> {
    const { sql, params } = finding(filter, Date.now())
    return (await store.read(sql, params)).map(keyInUseOf)
  }

  /** Changes what is given, if the key is still at `version`. Throws Problem conflict. */
  async function change(key: Key, wanted: KeyChange, alongside: readonly Statement[]): Promise<KeyInUse> {
    if (key.revokedAtMs !== null) throw new Problem('conflict', { sentence: 'The key is revoked.' })
    const next = { ...key, ...wanted }
    const unit = {
      sql: update,
      params: [key.id, key.version, next.name, ...lists(next), ...allowanceColumns(next), next.expiresAtMs ?? null],
      must: 'version',
    }
    const done = await store.write([unit, ...alongside])
    forget()
    if (done.refused !== undefined) throw new ChangedMeanwhile()
    return get(key.id)
  }

  /** From the next call on nobody gets in with it; calls in flight run to their end. Revoking twice changes nothing. */
  async function revoke(id: string, alongside: readonly Statement[]): Promise<KeyInUse> {
    const unit = { sql: 'UPDATE keys SET revoked_at = $2, version = version + 1 WHERE id = $1 AND revoked_at IS NULL' }
    await store.write([{ ...unit, params: [id, Date.now()], must: 'revoked' }, ...alongside])
    forget()
    return get(id)
  }

  /** The statement that revokes every key of an account, for the unit that closes it. */
  function revokingAll(accountId: string): Statement {
    const sql = 'UPDATE keys SET revoked_at = $2, version = version + 1 WHERE account_id = $1 AND revoked_at IS NULL'
    return { sql, params: [accountId, Date.now()] }
  }

  /**
   * A successor with the same limits and rights on the same quota counters; the old key lives on for `graceMs` at
   * most. Throws Problem conflict when the key is revoked, expired, or was changed meanwhile.
   */
  async function rotate(
    key: Key,
    graceMs: number,
    alongside: (successorId: string) => readonly Statement[],
  ): Promise<{ id: string; secret: string }> {
    const nowMs = Date.now()
    const status = statusOf(key, nowMs)
    if (status !== 'active') throw new Problem('conflict', { sentence: `The key is ${status}; make a new one.` })
    const id = newId('key')
    const secret = mintKey(key.mode)
    const ends = Math.min(key.expiresAtMs ?? Number.POSITIVE_INFINITY, nowMs + graceMs)
    const retire = { sql: expire, params: [key.id, key.version, ends], must: 'version' }
    const successor = insertion({ ...key, id, hint: hintOf(secret) }, digestOf(secret))
    const done = await store.write([retire, successor, ...alongside(id)])
    forget()
    if (done.refused !== undefined) throw new ChangedMeanwhile()
    return { id, secret }
  }

  return { known, find, forget, issuing, get, list, change, revoke, revokingAll, rotate }
}

const identify = `SELECT keys.*, accounts.status AS account_status, accounts.rate_calls AS account_rate_calls,
    accounts.rate_window_seconds AS account_rate_window_seconds, accounts.max_concurrency AS account_max_concurrency,
    accounts.quota_credits AS account_quota_credits, accounts.quota_period AS account_quota_period
  FROM keys JOIN accounts ON accounts.id = keys.account_id WHERE keys.digest = $1`
// Asked for equal ids and the last call, PostgreSQL may go through all calls from the newest on, and for a key that was
// never used through every one; no index but the key's own has this order.
const inUse = `SELECT keys.*, spends.day, spends.day_used, spends.month_used, spends.total_used,
    (SELECT calls.created_at FROM calls WHERE calls.key_id >= keys.id AND calls.key_id <= keys.id
      ORDER BY calls.key_id DESC, calls.id DESC LIMIT 1) AS last_used_at
  FROM keys JOIN spends ON spends.id = keys.spend_id`
const insert = `INSERT INTO keys (id, account_id, spend_id, name, mode, digest, hint, rights, offers, allow_ips,
    rate_calls, rate_window_seconds, max_concurrency, quota_credits, quota_period, expires_at, version, created_at)
  SELECT $1, accounts.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17
  FROM accounts WHERE accounts.id = $2 AND accounts.status <> 'closed'`
const update = `UPDATE keys SET name = $3, rights = $4, offers = $5, allow_ips = $6, rate_calls = $7, rate_window_seconds = $8,
  max_concurrency = $9, quota_credits = $10, quota_period = $11, expires_at = $12, version = version + 1
  WHERE id = $1 AND version = $2 AND revoked_at IS NULL`
const expire = `UPDATE keys SET expires_at = $3, version = version + 1
  WHERE id = $1 AND version = $2 AND revoked_at IS NULL`

/** Conditions are written only for what is asked, so that an index can serve them. */
export function finding(
  { accountId, status, before, limit }: KeyFilter,
  nowMs: number,
): { sql: string; params: Value[] } {
  const params: Value[] = [limit]
  const put = (value: Value) => `$${params.push(value)}`
  const conditions: string[] = []
  const owner = accountId === undefined ? undefined : put(accountId)
  const order = owner === undefined ? ['keys.id'] : ['keys.account_id', 'keys.id']
  conditions.push(...within(order, owner, { before }, put))
  if (status === 'revoked') conditions.push('keys.revoked_at IS NOT NULL')
  else if (status === 'expired') conditions.push(`keys.revoked_at IS NULL AND keys.expires_at <= ${put(nowMs)}`)
  else if (status === 'active')
    conditions.push(`keys.revoked_at IS NULL AND (keys.expires_at IS NULL OR keys.expires_at > ${put(nowMs)})`)
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  return { sql: `${inUse} ${where} ${newestFirst(order)} LIMIT $1`, params }
}

function newSpend(id: string): Statement {
  return {
    sql: 'INSERT INTO spends (id, day, day_used, month_used, total_used) VALUES ($1, 0, 0, 0, 0)',
    params: [id],
  }
}

export type NewKey = Omit<Key, 'revokedAtMs' | 'version' | 'createdAtMs'>

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
function unknownKey(): Problem {
  return new Problem('not_found', { sentence: 'There is no such key.' })
}

/** The key is not as it was read. */
export class ChangedMeanwhile extends Problem {
  constructor() {
    super('conflict', { sentence: 'Somebody else changed the key; read it again.' })
  }
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

function keyInUseOf(row: Row): KeyInUse {
  return { ...keyOf(row), counters: countersOf(row), lastUsedAtMs: row['last_used_at'] as number | null }
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
