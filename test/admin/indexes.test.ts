import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { finding as findingAccounts } from '../../src/accounts/accounts.ts'
import { finding as findingNotes } from '../../src/audit/audit.ts'
import { finding as findingKeys } from '../../src/keys/keys.ts'
import { finding as findingCalls } from '../../src/ledger/calls.ts'
import { finding as findingUsage } from '../../src/ledger/usage.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import type { Store, Value } from '../../src/store/store.ts'

async function openEmpty(t: TestContext): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'))
  const store = await openSqlite(join(folder, 'house.db'))
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return store
}

/** Every choice of filters, from none to all. */
function choices<Filter extends object>(filter: Filter): Partial<Filter>[] {
  const all: Partial<Filter>[] = [{}]
  for (const [name, value] of Object.entries(filter)) all.push(...all.map((each) => ({ ...each, [name]: value })))
  return all
}

async function planOf(store: Store, { sql, params }: { sql: string; params: readonly Value[] }): Promise<string> {
  const rows = await store.read(`EXPLAIN QUERY PLAN ${sql}`, params)
  return rows.map(({ detail }) => String(detail)).join('; ')
}

test('calls are listed by an index whatever the filters, and sorted only where they are few', async (t) => {
  const store = await openEmpty(t)
  const filters = { accountId: 'a', keyId: 'k', offer: 'o', fromMs: 1, toMs: 2, before: 'call_1' }
  for (const state of ['held', 'settled', 'released', undefined] as const) {
    for (const filter of choices(filters)) {
      const plan = await planOf(store, findingCalls({ ...filter, state, limit: 50 }))
      const said = `${state} ${Object.keys(filter)}: ${plan}`
      const own = filter.keyId ? 'calls_by_key' : filter.accountId ? 'calls_by_account' : undefined
      if (own) assert.match(plan, new RegExp(`^SEARCH calls USING INDEX ${own} `), said)
      else if (state === 'held')
        assert.match(plan, /^SCAN calls USING INDEX calls_open; USE TEMP B-TREE FOR ORDER BY$/, said)
      else if (filter.offer) assert.match(plan, /^SEARCH calls USING INDEX calls_by_offer /, said)
      else if (state === 'released') assert.match(plan, /USING INDEX calls_released/, said)
      else assert.match(plan, /USING INDEX sqlite_autoindex_calls_1/, said)
      if (own || state !== 'held') assert.doesNotMatch(plan, /TEMP B-TREE/, said)
    }
  }
})

test('accounts, keys and audit rows are never sorted, and found by an index', async (t) => {
  const store = await openEmpty(t)
  const plans: [string, string][] = []
  const look = async (what: string, found: { sql: string; params: readonly Value[] }) => {
    plans.push([what, await planOf(store, found)])
  }
  for (const filter of choices({ status: 'active', before: 'acc_1', q: 'x' } as const)) {
    await look(`accounts ${Object.keys(filter)}`, findingAccounts({ ...filter, limit: 50 }))
  }
  for (const status of ['active', 'expired', 'revoked', undefined] as const) {
    for (const filter of choices({ accountId: 'a', before: 'key_1' })) {
      await look(`${status} keys ${Object.keys(filter)}`, findingKeys({ ...filter, status, limit: 50 }, 1))
    }
  }
  for (const filter of choices({ actor: 'a', action: 'b', subject: 'c', fromMs: 1, toMs: 2, before: 'aud_1' })) {
    await look(`audit ${Object.keys(filter)}`, findingNotes({ ...filter, limit: 50 }))
  }
  for (const [what, plan] of plans) {
    assert.match(plan, /^(SEARCH|SCAN) \w+ USING (COVERING )?INDEX /, `${what}: ${plan}`)
    assert.doesNotMatch(plan, /TEMP B-TREE/, `${what}: ${plan}`)
  }
})

test('a report of some days or one account reads no other days and no other account', async (t) => {
  const store = await openEmpty(t)
  for (const filter of choices({ accountId: 'a', firstDay: 20261101, lastDay: 20261130 })) {
    const plan = await planOf(store, findingUsage({ by: ['day'], ...filter, limit: 50 }))
    if (Object.keys(filter).length > 0) assert.match(plan, /^SEARCH usage USING /, plan)
  }
})
