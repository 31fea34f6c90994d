import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent } from 'undici'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { type Environment, loadConfig } from '../../src/config.ts'
import { millionths } from '../../src/credits.ts'
import { type House, openHouse } from '../../src/house.ts'
import { type KeyWish, openKeys } from '../../src/keys/keys.ts'
import { type Balance, openLedger } from '../../src/ledger/ledger.ts'
import { balance, books } from '../../src/ledger/statement.ts'
import { openLog } from '../../src/log.ts'
import { type Client, openClient, type Reply } from './client.ts'

export const adminKey = 'an-operator-key-for-tests-only'
export const masterToken = 'sk-CANARY-master-7f3a9c2e5b8d1406-9e1f4a6b0c3d2e5f7a8b9c0d'

export type TestHouse = House & {
  readonly folder: string
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[]
  readonly client: Client
  /** A new account's id. */
  account(credits: number): Promise<string>
  key(accountId: string, wish?: Partial<KeyWish>): Promise<{ id: string; secret: string }>
  balanceOf(accountId: string): Promise<Balance>
  /** The call's row, once it is no longer held. */
  ended(callId: string): Promise<Readonly<Record<string, unknown>>>
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>
  /** Fails unless the books balance and nothing is held. */
  balanced(): Promise<void>
  /** As `balanced`, and fails unless nothing is left in memory. */
  atRest(): Promise<void>
}

/** A whole house in this process: real SQLite in a folder of its own, a real socket; gone with the test. */
export async function openTestHouse(t: TestContext, env: Environment = {}): Promise<TestHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'))
  const lines: Record<string, unknown>[] = []
  const settings = { ADMIN_KEY: adminKey, PORT: '0', DATABASE_URL: `sqlite:${join(folder, 'house.db')}`, ...env }
  const { config } = loadConfig(settings)
  const log = openLog('trace', false, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const house = await openHouse(config, log)
  const agent = new Agent({ connections: 256, pipelining: 1 })
  t.after(async () => {
    await agent.destroy()
    await house.close(2000)
    rmSync(folder, { recursive: true })
  })
  const { store, origin } = house
  const client = openClient(origin, agent)
  const accounts = openAccounts(store)
  const keys = openKeys(store, 0)
  const ledger = openLedger(store, 'test')

  async function account(credits: number): Promise<string> {
    const { id, unit } = accounts.creating('a test account', null)
    await store.write(unit)
    if (credits > 0) await ledger.grant({ accountId: id, credits: millionths(credits * 1_000_000), reason: 'test' })
    return id
  }

  async function key(accountId: string, wish: Partial<KeyWish> = {}) {
    const { id, secret, unit } = keys.issuing(accountId, { name: 'a test key', ...wish })
    assert.equal((await store.write(unit)).refused, undefined)
    return { id, secret }
  }

  async function ended(callId: string): Promise<Readonly<Record<string, unknown>>> {
    for (let tries = 2000; ; tries--) {
      const [row] = await store.read(`SELECT * FROM calls WHERE id = $1 AND state <> 'held'`, [callId])
      if (row) return row
      assert.ok(tries > 0, `${callId} has not ended`)
      await new Promise((wake) => setTimeout(wake, 10))
    }
  }

  async function balanced(): Promise<void> {
    for (let tries = 300; ; tries--) {
      const found = await books(store)
      assert.deepEqual(found.faults, [])
      assert.equal(found.imbalance, 0n)
      if (found.openHolds === 0) return
      assert.ok(tries > 0, `${found.openHolds} holds are still open`)
      await new Promise((wake) => setTimeout(wake, 10))
    }
  }

  async function atRest(): Promise<void> {
    await balanced()
    for (let tries = 1000; house.bytes.inFlight !== 0; tries--) {
      assert.ok(tries > 0, `${house.bytes.inFlight} bytes are still in flight`)
      await new Promise((wake) => setTimeout(wake, 10))
    }
  }

  const admin: TestHouse['admin'] = (method, path, body, headers = {}) =>
    client.json(method, `/admin/v1${path}`, body, { authorization: `Bearer ${adminKey}`, ...headers })
  const balanceOf = (accountId: string) => balance(store, accountId)
  return { ...house, folder, lines, client, account, key, balanceOf, ended, admin, balanced, atRest }
}

/** The settings of a house in front of a stand-in. */
export function behind(standIn: { readonly origin: string }, env: Environment = {}): Environment {
  return {
    UPSTREAM_URL: standIn.origin,
    UPSTREAM_TOKENS: masterToken,
    RATE_LIMIT: '100000/60s',
    UPSTREAM_PACE: '1000000/1s',
    ...env,
  }
}
