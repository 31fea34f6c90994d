import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, openSelling, post } from '../support/admin.ts'
import { adminKey, behind, openTestHouse } from '../support/house.ts'
import { play, signIn } from '../support/signed-in.ts'
import { opened } from '../support/stand-in-client.ts'

test('a call from the playground is the paid call: its picture, its receipt, its rates and its row', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const key = await house.key(account, { rate: { calls: 9, windowSeconds: 60 } })
  const paid = await house.client.call(key.secret, { prompt: 'x', seed: '7' })
  const { headers } = await signIn(house, key.secret)
  const played = await play(house, { prompt: 'x', seed: '7' }, headers)
  assert.equal(played.status, 200)
  assert.deepEqual(played.body, paid.body)
  const told = ['content-type', 'seed', 'finish-reason', 'x-credits-charged', 'x-credits-price', 'ratelimit-limit']
  for (const name of told) assert.equal(played.headers[name], paid.headers[name], name)
  assert.deepEqual([played.headers['x-credits-available'], played.headers['ratelimit-remaining']], ['4', '7'])
  const row = await house.ended(String(played.headers['x-request-id']))
  assert.deepEqual([row['account_id'], row['key_id'], row['state']], [account, key.id, 'settled'])
  assert.equal((await house.balanceOf(account)).posted, 4_000_000)
  await house.balanced()
})

test('what the upstream gets from the playground is what it gets from a key, and no cookie', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const { headers, cookie, csrf } = await signIn(house, secret)
  await house.client.call(secret, { prompt: 'x' })
  await play(house, { prompt: 'x' }, headers)
  const [byKey, bySession] = standIn.calls
  assert.ok(byKey && bySession)
  assert.deepEqual(bySession.headers, byKey.headers)
  const sent = JSON.stringify(bySession.headers)
  for (const each of [cookie, csrf, secret]) assert.ok(!sent.includes(each))
  await house.balanced()
})

test('a failure in the playground costs nothing, and a short account is told what it lacks', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(1)
  const { headers } = await signIn(house, (await house.key(account, { mode: 'test' })).secret)
  const failed = await play(house, { prompt: 'sandbox:500' }, headers)
  assert.deepEqual([failed.status, failed.json()['name']], [500, 'upstream_error'])
  const blank = await play(house, { prompt: ' ' }, headers)
  assert.deepEqual([blank.status, blank.json()['name']], [400, 'bad_request'])
  const selling = await openSelling(t)
  const poor = await signIn(selling, (await selling.key(await selling.account(1))).secret)
  const short = await play(selling, { prompt: 'x' }, poor.headers)
  assert.deepEqual([short.status, short.json()['details']], [402, { required: 3, available: 1 }])
  await house.balanced()
  await selling.balanced()
})

test('an operator has no key to pay with, and a key that may not call does not from here either', async (t) => {
  const house = await openTestHouse(t)
  const operator = await signIn(house, adminKey)
  const refused = await play(house, { prompt: 'x' }, operator.headers)
  assert.deepEqual([refused.status, refused.json()['name']], [403, 'forbidden'])
  const reader = await house.key(await house.account(0), { mode: 'test', rights: ['read'] })
  const { headers } = await signIn(house, reader.secret)
  assert.equal((await play(house, { prompt: 'x' }, headers)).status, 403)
  assert.equal((await play(house, { prompt: 'x' }, {})).status, 401)
  assert.deepEqual(await house.store.read('SELECT id FROM calls'), [])
  await house.balanced()
})

test('a session whose key is revoked during a visit pays for nothing more', async (t) => {
  const house = await openTestHouse(t)
  const made = await post(house, `/accounts/${await house.account(0)}/keys`, { name: 'x', mode: 'test' })
  const { headers } = await signIn(house, String(made['secret']))
  assert.equal((await play(house, { prompt: 'x' }, headers)).status, 200)
  good(await house.admin('POST', `/keys/${made['id']}/revoke`))
  const over = await play(house, { prompt: 'x' }, headers)
  assert.deepEqual([over.status, over.json()['name']], [401, 'unauthorized'])
  await house.balanced()
})

test('the playground knows an Idempotency-Key of the paid path, since it is the same call', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const { headers } = await signIn(house, secret)
  const once = { 'idempotency-key': 'the-same' }
  const first = await house.client.call(secret, { prompt: 'x' }, { headers: once })
  const again = await play(house, { prompt: 'x' }, { ...headers, ...once })
  assert.equal(again.headers['idempotent-replayed'], 'true')
  assert.deepEqual(again.body, first.body)
  assert.equal((await house.balanceOf(account)).posted, 7_000_000)
  await house.balanced()
})
