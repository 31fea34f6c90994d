import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf } from '../../src/keys/key.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { stillStands } from '../../src/keys/wider.ts'
import { auditRows, dataOf, good, openSelling, post, refusal } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'
import { managerOf, portalOf } from '../support/portal.ts'

const everything = { rights: ['call', 'read', 'manage'] }
const bounds = {
  ...everything,
  offers: ['stable-image-core'],
  allow_ips: ['127.0.0.0/8', 'fd00::/8'],
  rate: { calls: 60, window_seconds: 60 },
  max_concurrency: 4,
  quota: { credits: 30, period: 'month' },
  expires_at: '2099-06-01T00:00:00.000Z',
}

test('a key made by a key is told once, works, and is noted with its maker', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const manager = await managerOf(house, account)
  const ask = portalOf(house, manager.secret)
  const reply = await ask('POST', '/keys', { name: 'render farm', quota: { credits: 6, period: 'day' } })
  const { secret, ...key } = good(reply, 201)
  assert.equal(kindOf(String(secret)), 'live')
  assert.deepEqual([key['account_id'], key['rights'], key['mode']], [account, ['call', 'read'], 'live'])
  assert.deepEqual(good(await ask('GET', `/keys/${key['id']}`)), key)
  assert.deepEqual(
    dataOf(await ask('GET', '/keys?status=active')).map(({ id }) => id),
    [key['id'], manager.id],
  )
  assert.equal((await house.client.call(String(secret), { prompt: 'x' })).status, 200)
  const [note] = dataOf(await house.admin('GET', `/audit?subject=${key['id']}`))
  assert.deepEqual([note?.['actor'], note?.['action']], [manager.id, 'keys.create'])
  const stored = JSON.stringify([await house.store.read('SELECT * FROM audit'), house.lines])
  assert.ok(!stored.includes(String(secret)))
  const test_ = good(await ask('POST', '/keys', { name: 'for CI', mode: 'test' }), 201)
  assert.equal(kindOf(String(test_['secret'])), 'test')
  await house.balanced()
})

test('what is left out of a new key is as on the key that makes it', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const maker = await post(house, `/accounts/${account}/keys`, { name: 'maker', mode: 'test', ...bounds })
  const ask = portalOf(house, String(maker['secret']))
  const made = good(await ask('POST', '/keys', { name: 'child' }), 201)
  for (const field of ['mode', 'offers', 'allow_ips', 'rate', 'max_concurrency', 'quota', 'expires_at']) {
    assert.deepEqual(made[field], maker[field], field)
  }
  assert.deepEqual(made['rights'], ['call', 'read'])
  assert.equal(made['quota_used'], 0)
  const only = await post(house, `/accounts/${account}/keys`, { name: 'only', rights: ['manage'] })
  const child = good(await portalOf(house, String(only['secret']))('POST', '/keys', { name: 'x' }), 201)
  assert.deepEqual(child['rights'], ['manage'])
})

const wider: readonly (readonly [wish: Record<string, unknown>, field: string])[] = [
  [{ mode: 'live' }, 'mode'],
  [{ offers: null }, 'offers'],
  [{ allow_ips: null }, 'allow_ips'],
  [{ allow_ips: ['0.0.0.0/0'] }, 'allow_ips'],
  [{ allow_ips: ['127.0.0.1', '128.0.0.1'] }, 'allow_ips'],
  [{ allow_ips: ['126.0.0.0/7'] }, 'allow_ips'],
  [{ allow_ips: ['::/0'] }, 'allow_ips'],
  [{ allow_ips: ['::ffff:127.0.0.1'] }, 'allow_ips'],
  [{ rate: null }, 'rate'],
  [{ rate: { calls: 61, window_seconds: 60 } }, 'rate'],
  [{ rate: { calls: 60, window_seconds: 59 } }, 'rate'],
  [{ rate: { calls: 2, window_seconds: 1 } }, 'rate'],
  [{ max_concurrency: null }, 'max_concurrency'],
  [{ max_concurrency: 5 }, 'max_concurrency'],
  [{ quota: null }, 'quota'],
  [{ quota: { credits: 30.000001, period: 'month' } }, 'quota'],
  [{ quota: { credits: 1, period: 'day' } }, 'quota'],
  [{ expires_at: null }, 'expires_at'],
  [{ expires_at: '2099-06-01T00:00:00.001Z' }, 'expires_at'],
]
const asNarrow: readonly Record<string, unknown>[] = [
  bounds,
  { rights: ['manage'] },
  { allow_ips: ['127.0.0.1', '127.128.0.0/9', 'fd00::1'] },
  { rate: { calls: 60, window_seconds: 120 } },
  { rate: { calls: 1, window_seconds: 1 } },
  { rate: { calls: 30, window_seconds: 30 } },
  { max_concurrency: 1 },
  { quota: { credits: 30, period: 'total' } },
  { expires_at: '2099-05-31T23:59:59Z' },
]

test('no key makes one that is wider in anything, and is told in what', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const maker = await post(house, `/accounts/${account}/keys`, { name: 'maker', mode: 'test', ...bounds })
  const ask = portalOf(house, String(maker['secret']))
  const rows = await auditRows(house)
  for (const [wish, field] of wider) {
    refusal(await ask('POST', '/keys', { name: 'x', ...wish }), 403, 'forbidden', `${field}: is wider`)
  }
  const told = refusal(await ask('POST', '/keys', { name: 'x', mode: 'live', quota: null }), 403, 'forbidden')
  assert.equal((told['errors'] as unknown[]).length, 2)
  const few = await post(house, `/accounts/${account}/keys`, { name: 'few', rights: ['manage', 'read'] })
  const buy = await portalOf(house, String(few['secret']))('POST', '/keys', { name: 'x', rights: ['call'] })
  refusal(buy, 403, 'forbidden', 'rights: is wider')
  assert.equal(await auditRows(house), rows + 1)
  for (const wish of asNarrow) good(await ask('POST', '/keys', { name: 'x', ...wish }), 201)
})

test('a key rotates and revokes what is not wider than itself, and nothing else', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(20)
  const maker = await post(house, `/accounts/${account}/keys`, { name: 'maker', ...bounds })
  const ask = portalOf(house, String(maker['secret']))
  const free = await house.key(account)
  const rows = await auditRows(house)
  for (const act of ['rotate', 'revoke']) {
    refusal(await ask('POST', `/keys/${free.id}/${act}`), 403, 'forbidden', 'is wider')
  }
  assert.equal(await auditRows(house), rows)
  assert.equal((await house.client.call(free.secret, { prompt: 'x' })).status, 200)
  const child = good(await ask('POST', '/keys', { name: 'child', quota: { credits: 6, period: 'month' } }), 201)
  assert.equal((await house.client.call(String(child['secret']), { prompt: 'x' })).status, 200)
  const next = good(await ask('POST', `/keys/${child['id']}/rotate`, { grace_seconds: 60 }), 201)
  assert.deepEqual([next['quota_used'], next['quota']], [3, { credits: 6, period: 'month' }])
  const ended = good(await ask('POST', `/keys/${next['id']}/revoke`))
  assert.equal(ended['status'], 'revoked')
  assert.equal((await house.client.call(String(next['secret']), { prompt: 'x' })).status, 401)
  assert.deepEqual(good(await ask('POST', `/keys/${next['id']}/revoke`, {})), ended)
  refusal(await ask('POST', `/keys/${next['id']}/rotate`), 409, 'conflict', 'revoked')
  const notes = dataOf(await house.admin('GET', `/audit?actor=${maker['id']}`)).map(({ action }) => action)
  assert.deepEqual(notes, ['keys.revoke', 'keys.rotate', 'keys.create'])
  await house.balanced()
})

test('a key may replace and end itself', async (t) => {
  const house = await openTestHouse(t)
  const first = await managerOf(house, await house.account(0))
  const next = good(await portalOf(house, first.secret)('POST', `/keys/${first.id}/rotate`), 201)
  refusal(await portalOf(house, first.secret)('GET', '/me'), 401, 'unauthorized')
  const ask = portalOf(house, String(next['secret']))
  good(await ask('POST', `/keys/${next['id']}/revoke`))
  refusal(await ask('GET', '/me'), 401, 'unauthorized')
})

test('a key that was revoked, changed or has ended while its request was on its way makes nothing', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const keys = openKeys(house.store, 0)
  const ends: readonly ((id: string) => [sql: string, params: (string | number)[]])[] = [
    (id) => ['UPDATE keys SET revoked_at = 1, version = version + 1 WHERE id = $1', [id]],
    (id) => ['UPDATE keys SET revoked_at = 1 WHERE id = $1', [id]],
    (id) => ['UPDATE keys SET version = version + 1 WHERE id = $1', [id]],
    (id) => ['UPDATE keys SET expires_at = 1 WHERE id = $1', [id]],
  ]
  for (const end of ends) {
    const caller = await keys.get((await managerOf(house, account)).id)
    assert.equal((await house.store.write([stillStands(caller)])).refused, undefined)
    const [sql, params] = end(caller.id)
    await house.store.write([{ sql, params }])
    const { unit, id } = keys.issuing(account, { name: 'late' })
    assert.equal((await house.store.write([stillStands(caller), ...unit])).refused, 'caller')
    await assert.rejects(keys.get(id), { code: 'not_found' })
  }
})

test('a body that cannot be is refused as at the admin door, and the account is not to be chosen', async (t) => {
  const house = await openTestHouse(t)
  const ask = portalOf(house, (await managerOf(house, await house.account(0))).secret)
  const rows: [unknown, string][] = [
    [{}, 'name: is required'],
    [{ name: 'x', account_id: 'acc_1' }, 'account_id: is not known here'],
    [{ name: 'x', offers: ['nothing'] }, 'offers.0: there is no such offer'],
    [{ name: 'x', allow_ips: ['10.0.0.0/33'] }, 'allow_ips.0: '],
    [{ name: 'x', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at: must be in the future'],
  ]
  for (const [body, about] of rows) refusal(await ask('POST', '/keys', body), 400, 'bad_request', about)
  const text = await ask('POST', '/keys', undefined, { 'content-type': 'text/plain' })
  refusal(text, 415, 'unsupported_media_type')
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    assert.equal((await ask(method, '/keys')).headers['allow'], 'GET, POST')
  }
})
