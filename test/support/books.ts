import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { type Allowance, allowanceColumns } from '../../src/allowance.ts'
import { millionths } from '../../src/credits.ts'
import { Problem } from '../../src/errors.ts'
import { newId } from '../../src/ids.ts'
import { type KeyWish, openKeys } from '../../src/keys/keys.ts'
import { type Balance, type Ending, type Ledger, openLedger, type Request } from '../../src/ledger/ledger.ts'
import { balance, books } from '../../src/ledger/statement.ts'
import type { Row, Statement, Store } from '../../src/store/store.ts'
import type { OpenStore, Place } from './stores.ts'

export type TestBooks = Place & {
  readonly ledger: Ledger
  account(credits: number, allowance?: Partial<Allowance>): Promise<string>
  key(accountId: string, wish?: Partial<KeyWish>): Promise<string>
  /** A call that wants so many whole credits. */
  request(accountId: string, keyId: string, credits?: number, more?: Partial<Request>): Request
  balanceOf(accountId: string): Promise<Balance>
  one(sql: string, ...params: string[]): Promise<Row>
  /** Fails unless the books balance and nothing is held. */
  balanced(): Promise<void>
}

export const credits = (count: number) => millionths(Math.round(count * 1_000_000))
/** Alongside this a unit is written by its own statements and never as a row of many. */
export const alone: readonly Statement[] = [{ sql: 'SELECT 1 AS one', params: [] }]
export const succeeded = (count: number): Ending => {
  return { outcome: 'succeeded', reason: 'success', mayBill: false, credits: credits(count), status: 200 }
}
export const failed: Ending = { outcome: 'failed', reason: 'upstream_500', mayBill: false, credits: millionths(0) }

/** A ledger on a new database, with what a test needs to fill it. */
export async function openBooks(t: TestContext, open: OpenStore): Promise<TestBooks> {
  const place = await open(t)
  return { ...place, ...booksOf(place.store) }
}

function booksOf(store: Store): Omit<TestBooks, keyof Place> {
  const ledger = openLedger(store, 'test')

  async function account(count: number, allowance: Partial<Allowance> = {}): Promise<string> {
    const { id, unit } = openAccounts(store).creating('a test account', null)
    await store.write(unit)
    if (count > 0) await ledger.grant({ accountId: id, credits: credits(count), reason: 'test' })
    const all = allowanceColumns({ rate: null, maxConcurrency: null, quota: null, ...allowance })
    const sql = `UPDATE accounts SET rate_calls = $2, rate_window_seconds = $3, max_concurrency = $4, quota_credits = $5,
      quota_period = $6 WHERE id = $1`
    await store.write([{ sql, params: [id, ...all] }])
    return id
  }

  async function key(accountId: string, wish: Partial<KeyWish> = {}): Promise<string> {
    const { id, unit } = openKeys(store, 0).issuing(accountId, { name: 'a test key', ...wish })
    assert.equal((await store.write(unit)).refused, undefined)
    return id
  }

  function request(accountId: string, keyId: string, count = 3, more: Partial<Request> = {}): Request {
    const sold = { offer: 'stable-image-core', mode: 'live', amount: credits(count), price: credits(count) } as const
    const sent = { priceVersion: 1, upstream: 'stability', bytesIn: 600, clientRequestId: null }
    return { id: newId('call'), accountId, keyId, spendId: keyId, ...sold, ...sent, ...more }
  }

  async function one(sql: string, ...params: string[]): Promise<Row> {
    const [row] = await store.read(sql, params)
    assert.ok(row, sql)
    return row
  }

  async function balanced(): Promise<void> {
    const found = await books(store)
    assert.deepEqual(found.faults, [])
    assert.equal(found.imbalance, 0n)
    assert.equal(found.openHolds, 0)
  }

  return { ledger, account, key, request, balanceOf: (id) => balance(store, id), one, balanced }
}

/** The refusal of a promise that must be refused. */
export async function refusal(work: Promise<unknown>): Promise<Problem> {
  const outcome = await work.then(
    () => 'it was not refused',
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof Problem, String(outcome))
  return outcome
}

export async function refusedAs(code: string, work: Promise<unknown>): Promise<void> {
  assert.equal((await refusal(work)).code, code)
}
