import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openAccounts } from '../src/accounts/accounts.ts'
import { firstStart } from '../src/first-start.ts'
import { digestOf, kindOf } from '../src/keys/key.ts'
import { openKeys } from '../src/keys/keys.ts'
import { openOperators } from '../src/operators/operators.ts'
import { openStore } from '../src/store/open.ts'
import { openPlace } from './support/process.ts'

async function rooms(t: TestContext) {
  const { database } = openPlace(t)
  const store = await openStore({ kind: 'sqlite', path: database })
  t.after(() => store.close())
  return { store, accounts: openAccounts(store), keys: openKeys(store, 0), operators: openOperators(store, undefined) }
}

test('an empty database in sandbox mode gets an operator and a demo account with a test key', async (t) => {
  const house = await rooms(t)
  const { adminKey = '', demoKey = '' } = await firstStart(house, false, true)
  assert.deepEqual([kindOf(adminKey), kindOf(demoKey)], ['admin', 'test'])
  assert.equal((await house.operators.find(digestOf(adminKey)))?.role, 'admin')
  assert.equal((await house.keys.find(digestOf(demoKey)))?.mode, 'test')
})

test('a second start gets nothing', async (t) => {
  const house = await rooms(t)
  await firstStart(house, false, true)
  assert.deepEqual(await firstStart(house, false, true), { adminKey: undefined, demoKey: undefined })
})

test('with an operator key set none is minted, and without sandbox mode there is no demo', async (t) => {
  const house = await rooms(t)
  assert.deepEqual(await firstStart(house, true, false), { adminKey: undefined, demoKey: undefined })
  assert.equal((await house.store.read('SELECT id FROM accounts')).length, 0)
})

test('what the first start makes stands in the audit, without a secret', async (t) => {
  const house = await rooms(t)
  const { adminKey = '', demoKey = '' } = await firstStart(house, false, true)
  const rows = await house.store.read('SELECT * FROM audit ORDER BY id')
  assert.deepEqual(
    rows.map(({ action, actor }) => `${action} by ${actor}`),
    ['operators.create by first start', 'accounts.create by first start'],
  )
  const text = JSON.stringify(rows)
  assert.ok(!text.includes(adminKey) && !text.includes(demoKey))
})
