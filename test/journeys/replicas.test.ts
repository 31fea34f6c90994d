import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { millionths } from '../../src/credits.ts'
import { type KeyWish, openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/open.ts'
import type { Reply } from '../support/client.ts'
import { behind } from '../support/house.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { openPlace } from '../support/process.ts'
import { until } from '../support/raw-client.ts'
import { type Serving, serving } from '../support/serving.ts'
import { opened } from '../support/stand-in-client.ts'

const postgresServer = sharedPostgres()

/** An account with a key in a new database, and two processes that serve it. */
async function opening(t: TestContext, credits: number, wish: Partial<KeyWish> = {}) {
  const server = await postgresServer()
  const url = await server.database()
  const tenant = await furnished(url, credits, wish)
  const standIn = await opened(t)
  const place = openPlace(t)
  const env = behind(standIn, { DATABASE_URL: url })
  const [one, other] = await Promise.all([serving(t, place, { env }), serving(t, place, { env })])
  const query = (sql: string) => server.query(url, sql)
  const call = (house: Serving): Promise<Reply> => house.client.call(tenant.secret, { prompt: 'a lighthouse' })

  async function balanced(): Promise<void> {
    await one.balanced()
    await other.balanced()
  }

  return { ...tenant, standIn, one, other, query, call, balanced }
}

async function furnished(url: string, credits: number, wish: Partial<KeyWish>) {
  const store = await openStore({ kind: 'postgres', url })
  try {
    const account = openAccounts(store).creating('a test account', null)
    const key = openKeys(store, 0).issuing(account.id, { name: 'a test key', ...wish })
    assert.equal((await store.write([...account.unit, ...key.unit])).refused, undefined)
    const gift = { accountId: account.id, credits: millionths(credits * 1_000_000), reason: 'test' }
    await openLedger(store, 'test').grant(gift)
    return { accountId: account.id, keyId: key.id, secret: key.secret }
  } finally {
    await store.close()
  }
}

/** How often each name, or `paid`, was the answer. */
function tally(replies: readonly Reply[]): Record<string, number> {
  const names = replies.map((reply) => (reply.status === 200 ? 'paid' : String(reply.json()['name'])))
  return Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((n) => n === name).length]))
}

test('two replicas that race for the last credits sell exactly what there is', async (t) => {
  const { standIn, one, other, query, call, balanced } = await opening(t, 24)
  const replies = await Promise.all(Array.from({ length: 80 }, (_, index) => call(index % 2 === 0 ? one : other)))
  assert.deepEqual(tally(replies), { insufficient_credits: 72, paid: 8 })
  assert.equal(standIn.calls.length, 8)
  const [account] = await query('SELECT posted, held FROM accounts')
  assert.deepEqual({ ...account }, { posted: '0', held: '0' })
  await balanced()
})

test("two replicas that race for the last of a key's quota keep to it", async (t) => {
  const quota = { credits: millionths(15_000_000), period: 'month' } as const
  const { standIn, one, other, call, balanced } = await opening(t, 300, { quota })
  const replies = await Promise.all(Array.from({ length: 50 }, (_, index) => call(index % 2 === 0 ? one : other)))
  assert.deepEqual(tally(replies), { paid: 5, quota_exceeded: 45 })
  assert.equal(standIn.calls.length, 5)
  await balanced()
})

test('a replica that slept through its lease delivers nothing, and the other one gave the credits back', async (t) => {
  const { standIn, one, other, query, call, balanced } = await opening(t, 30)
  standIn.holdAnswers()
  const reply = call(one)
  await standIn.waitFor(1)
  one.kill('SIGSTOP')
  await query('UPDATE instances SET until = 0 WHERE id = (SELECT owner FROM calls)')
  await until('the hold is released', async () => {
    await new Promise((wake) => setTimeout(wake, 100))
    return (await query(`SELECT id FROM calls WHERE state = 'released'`)).length === 1
  })
  standIn.letGo()
  one.kill('SIGCONT')
  const { status, headers, json } = await reply
  assert.deepEqual([status, json()['name'], headers['x-credits-charged']], [503, 'hold_expired', '0'])
  const [row] = await query('SELECT outcome, credits, upstream_may_bill FROM calls')
  assert.deepEqual({ ...row }, { outcome: 'recovered', credits: '0', upstream_may_bill: '1' })
  for (const house of [one, other]) assert.equal((await call(house)).headers['x-credits-charged'], '3')
  const [account] = await query('SELECT posted, held FROM accounts')
  assert.deepEqual({ ...account }, { posted: '24000000', held: '0' })
  await balanced()
})

test('the holds of a replica that died are released once by the other, whose own calls run on', async (t) => {
  const { standIn, one, other, query, call } = await opening(t, 30)
  standIn.holdAnswers()
  const lost = [call(one), call(one)].map((reply) => reply.catch(() => undefined))
  await standIn.waitFor(2)
  const [owner] = await query('SELECT DISTINCT owner FROM calls')
  const own = call(other)
  await standIn.waitFor(3)
  one.kill('SIGKILL')
  assert.deepEqual(await Promise.all(lost), [undefined, undefined])
  await query(`UPDATE instances SET until = 0 WHERE id = '${owner?.['owner']}'`)
  await until('the holds are released', async () => {
    await new Promise((wake) => setTimeout(wake, 100))
    return (await query(`SELECT id FROM calls WHERE state = 'released'`)).length === 2
  })
  standIn.letGo()
  assert.equal((await own).headers['x-credits-available'], '27')
  await other.balanced()
})

test('a key revoked and an account suspended at one replica buys nothing at the other from then on', async (t) => {
  const { standIn, one, other, accountId, keyId, call, balanced } = await opening(t, 30)
  assert.equal((await call(other)).status, 200)
  assert.equal((await one.admin('PATCH', `/accounts/${accountId}`, { status: 'suspended' })).status, 200)
  assert.deepEqual(tally([await call(other)]), { account_suspended: 1 })
  assert.equal((await other.admin('PATCH', `/accounts/${accountId}`, { status: 'active' })).status, 200)
  assert.equal((await one.admin('POST', `/keys/${keyId}/revoke`)).status, 200)
  assert.deepEqual(tally([await call(other)]), { unauthorized: 1 })
  assert.equal(standIn.calls.length, 1)
  await balanced()
})

test('a quota lowered and a balance corrected at one replica bind at the other from then on', async (t) => {
  const { standIn, one, other, accountId, keyId, call, balanced } = await opening(t, 30)
  assert.equal((await call(other)).status, 200)
  assert.equal((await one.admin('PATCH', `/keys/${keyId}`, { quota: { credits: 5, period: 'total' } })).status, 200)
  assert.deepEqual(tally([await call(other)]), { quota_exceeded: 1 })
  assert.equal((await one.admin('PATCH', `/keys/${keyId}`, { quota: null })).status, 200)
  const back = { credits: -25, reason: 'a mistake' }
  assert.equal((await one.admin('POST', `/accounts/${accountId}/grants`, back)).status, 201)
  assert.deepEqual(tally([await call(other)]), { insufficient_credits: 1 })
  assert.equal(standIn.calls.length, 1)
  await balanced()
})
