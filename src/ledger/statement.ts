import { Problem } from '../errors.ts'
import type { Row, Statement, Store } from '../store/store.ts'
import { type Balance, balanceOf } from './ledger.ts'

export type Books = {
  readonly balanced: boolean
  /** Millionths that cannot be explained; 0 when the books are right. */
  readonly imbalance: bigint
  readonly accounts: number
  readonly posted: bigint
  readonly held: bigint
  readonly openHolds: number
  /** What is wrong, by account, at most 20 lines. */
  readonly faults: readonly string[]
}

/** Throws Problem not_found. */
export async function balance(store: Store, accountId: string): Promise<Balance> {
  const [row] = await store.read('SELECT posted, held FROM accounts WHERE id = $1', [accountId])
  if (!row) throw new Problem('not_found', { sentence: 'There is no such account.' })
  return balanceOf(row)
}

// Sums are read as text: a house may hold more millionths than a double counts exactly.
const totals = `SELECT count(*) AS accounts, CAST(coalesce(sum(posted), 0) AS TEXT) AS posted,
  CAST(coalesce(sum(held), 0) AS TEXT) AS held FROM accounts`
const openCount = `SELECT count(*) AS holds FROM calls WHERE state = 'held'`

/** The accounts asked about, as a condition on the column that has their id. */
type Among = (column: string) => string

/** Each finds rows that must not be there, as `account`, `fault` and by how many millionths. */
const proofs: readonly { readonly fault: string; readonly sql: (among: Among) => string }[] = [
  {
    fault: 'posted is not the sum of the entries',
    sql: (among) => `SELECT accounts.id AS account, CAST(accounts.posted - coalesce(lines.total, 0) AS TEXT) AS amount
      FROM accounts LEFT JOIN (SELECT account_id, sum(credits) AS total FROM entries
        WHERE ${among('account_id')} GROUP BY account_id) AS lines ON lines.account_id = accounts.id
      WHERE accounts.posted <> coalesce(lines.total, 0) AND ${among('accounts.id')}`,
  },
  {
    fault: 'held is not the sum of the open holds',
    sql: (among) => `SELECT accounts.id AS account, CAST(accounts.held - coalesce(holds.total, 0) AS TEXT) AS amount
      FROM accounts LEFT JOIN (SELECT account_id, sum(held) AS total FROM calls
        WHERE state = 'held' AND ${among('account_id')}
        GROUP BY account_id) AS holds ON holds.account_id = accounts.id
      WHERE accounts.held <> coalesce(holds.total, 0) AND ${among('accounts.id')}`,
  },
  {
    fault: 'more is held than is posted',
    sql: (among) => `SELECT id AS account, CAST(held - posted AS TEXT) AS amount FROM accounts
      WHERE (held < 0 OR held > posted) AND ${among('id')}`,
  },
  {
    fault: 'an entry does not follow from the one before',
    sql: (among) => `SELECT account_id AS account, CAST(posted_after - running AS TEXT) AS amount FROM (
        SELECT account_id, number, posted_after,
          sum(credits) OVER (PARTITION BY account_id ORDER BY number) AS running,
          row_number() OVER (PARTITION BY account_id ORDER BY number) AS expected
        FROM entries WHERE ${among('account_id')}) AS chain
      WHERE posted_after <> running OR number <> expected`,
  },
  {
    fault: 'the number of entries is not the last number',
    sql: (among) => `SELECT accounts.id AS account, '1' AS amount FROM accounts
      LEFT JOIN (SELECT account_id, max(number) AS last FROM entries
        WHERE ${among('account_id')} GROUP BY account_id) AS lines ON lines.account_id = accounts.id
      WHERE accounts.entries <> coalesce(lines.last, 0) AND ${among('accounts.id')}`,
  },
  {
    fault: 'a call and its charge differ',
    sql: (among) => `SELECT calls.account_id AS account,
        CAST(calls.credits + coalesce(entries.credits, 0) AS TEXT) AS amount FROM calls
      LEFT JOIN entries ON entries.call_id = calls.id AND entries.kind = 'charge'
      WHERE (calls.credits + coalesce(entries.credits, 0) <> 0 OR (calls.state <> 'settled' AND entries.id IS NOT NULL))
        AND ${among('calls.account_id')}`,
  },
  {
    fault: 'a refund without its charge',
    sql: (among) => `SELECT refunds.account_id AS account,
        CAST(refunds.credits + coalesce(charges.credits, 0) AS TEXT) AS amount FROM entries AS refunds
      LEFT JOIN entries AS charges ON charges.call_id = refunds.call_id AND charges.kind = 'charge'
      WHERE refunds.kind = 'refund' AND refunds.credits + coalesce(charges.credits, 0) <> 0
        AND ${among('refunds.account_id')}`,
  },
  {
    fault: 'a call of one account made with a key of another',
    sql: (among) => `SELECT calls.account_id AS account, CAST(calls.held AS TEXT) AS amount FROM calls
      JOIN keys ON keys.id = calls.key_id
      WHERE keys.account_id <> calls.account_id AND ${among('calls.account_id')}`,
  },
]

/** What a whole ledger may take where nobody waits for the reply of a server: ten million calls take minutes. */
export const unhurriedMs = 3_600_000

/** Recomputes the whole ledger from its lines, in one moment; no proof may take longer than `withinMs` (a minute). */
export async function books(store: Store, withinMs?: number): Promise<Books> {
  const all = proofs.map(({ sql }) => sql(() => '1 = 1'))
  const reads: Statement[] = [totals, openCount, ...all].map((sql) => ({ sql, params: [] }))
  const [sums, open, ...found] = await store.snapshot(reads, withinMs)
  const faults = found.flatMap((rows, index) => rows.map((row) => ({ row, fault: proofs[index]?.fault ?? '' })))
  return {
    balanced: faults.length === 0,
    imbalance: faults.reduce((sum, { row }) => sum + size(row), 0n),
    accounts: Number(sums?.[0]?.['accounts']),
    posted: BigInt(String(sums?.[0]?.['posted'])),
    held: BigInt(String(sums?.[0]?.['held'])),
    openHolds: Number(open?.[0]?.['holds']),
    faults: faults.slice(0, 20).map(({ row, fault }) => `${row['account']}: ${fault} (${row['amount']})`),
  }
}

// Two bounds rather than a list, so that both databases walk their indexes.
const between: Among = (column) => `${column} > $1 AND ${column} <= $2`
const fewEnough = { accounts: 500, entries: 2000 }

/** Some accounts that follow each other, and the credits in millionths that cannot be explained in them. */
export type Stretch = { readonly last: string; readonly accounts: number; readonly imbalance: bigint }

/**
 * Recomputes the ledger of the accounts that follow `after`, at most so many and few enough to hold up nobody; undefined
 * when there are no more. All stretches together prove what `books` proves. Throws StoreUnavailable.
 */
export async function proveStretch(store: Store, after: string, most = fewEnough): Promise<Stretch | undefined> {
  const last = await lastOfStretch(store, after, most)
  if (last === undefined) return undefined
  const count = { sql: `SELECT count(*) AS accounts FROM accounts WHERE ${between('id')}`, params: [after, last] }
  const reads = proofs.map(({ sql }) => ({ sql: sql(between), params: [after, last] }))
  const [counted, ...found] = await store.snapshot([count, ...reads])
  const imbalance = found.flat().reduce((sum, row) => sum + size(row), 0n)
  return { last, accounts: Number(counted?.[0]?.['accounts']), imbalance }
}

async function lastOfStretch(store: Store, after: string, most: typeof fewEnough): Promise<string | undefined> {
  const sql = `SELECT id, entries FROM accounts WHERE id > $1 ORDER BY id LIMIT ${most.accounts}`
  let entries = 0
  let last: string | undefined
  for (const row of await store.read(sql, [after])) {
    entries += Number(row['entries'])
    if (last !== undefined && entries > most.entries) break
    last = String(row['id'])
  }
  return last
}

/** How many calls are held, and since when the oldest is. Throws StoreUnavailable. */
export async function openHolds(store: Store): Promise<{ readonly open: number; readonly oldestAtMs: number | null }> {
  const [row] = await store.read(`SELECT count(*) AS open, min(created_at) AS oldest FROM calls WHERE state = 'held'`)
  const oldest = row?.['oldest'] ?? null
  return { open: Number(row?.['open']), oldestAtMs: oldest === null ? null : Number(oldest) }
}

/** Millionths that accounts can still draw on, held ones included; a closed account draws no more. Throws StoreUnavailable. */
export async function sold(store: Store): Promise<bigint> {
  const sql = `SELECT CAST(coalesce(sum(posted), 0) AS TEXT) AS sold FROM accounts WHERE status <> 'closed'`
  const [row] = await store.read(sql)
  return BigInt(String(row?.['sold'] ?? 0))
}

/** Millionths the ledger cannot explain; 0 whenever the books balance. */
export async function imbalance(store: Store): Promise<bigint> {
  return (await books(store)).imbalance
}

// A fault whose two sides happen to be equal in amount is still a fault.
function size(row: Row): bigint {
  const amount = BigInt(String(row['amount']))
  return amount === 0n ? 1n : amount < 0n ? -amount : amount
}
