import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf } from '../../src/keys/key.ts'
import { auditRows, dataOf, everything, good, openSelling, post, refusal, unknownIds } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'

test('a key is made with its limits, and its secret is told once', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const wish = {
    ...{ name: 'render farm', mode: 'test', rights: ['call'], offers: ['stable-image-core'] },
    ...{ allow_ips: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'], expires_at: '2099-01-01T00:00:00+02:00' },
    ...{ rate: { calls: 5, window_seconds: 60 }, max_concurrency: 3, quota: { credits: 7.5, period: 'day' } },
  }
  const { secret, ...key } = await post(house, `/accounts/${account}/keys`, wish)
  assert.equal(kindOf(String(secret)), 'test')
  assert.equal(key['hint'], String(secret).slice(0, 12))
  const { id, created_at: _, ...rest } = key
  assert.deepEqual(rest, {
    ...{ ...wish, account_id: account, hint: key['hint'], status: 'active', quota_used: 0 },
    ...{ expires_at: '2098-12-31T22:00:00.000Z', revoked_at: null, last_used_at: null },
  })
  const shown = await house.admin('GET', `/keys/${id}`)
  assert.deepEqual(good(shown), key)
  const plain = await post(house, `/accounts/${account}/keys`, { name: 'plain' })
  assert.equal(kindOf(String(plain['secret'])), 'live')
  assert.deepEqual([plain['mode'], plain['rights'], plain['offers']], ['live', ['call', 'read'], null])
  const everywhere = [await house.admin('GET', '/keys'), shown, await house.admin('GET', '/books')]
  for (const reply of everywhere) assert.ok(!reply.body.includes(String(secret)))
  for (const table of ['keys', 'audit']) {
    assert.ok(!JSON.stringify(await house.store.read(`SELECT * FROM ${table}`)).includes(String(secret)))
  }
  assert.ok(!JSON.stringify(house.lines).includes(String(secret)))
})

const wrong: readonly (readonly [body: unknown, about: string])[] = [
  [{}, 'name: is required'],
  [{ name: 'x', mode: 'demo' }, 'mode: must be one of live, test'],
  [{ name: 'x', offers: ['nothing'] }, 'offers.0: there is no such offer'],
  [{ name: 'x', offers: [] }, 'offers: '],
  [{ name: 'x', offers: 'stable-image-core' }, 'offers: must be array'],
  [{ name: 'x', allow_ips: ['10.0.0.0/33'] }, 'allow_ips.0: '],
  [{ name: 'x', allow_ips: ['10.0.0.1', 'localhost'] }, 'allow_ips.1: '],
  [{ name: 'x', allow_ips: [] }, 'allow_ips: '],
  [{ name: 'x', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at: must be in the future'],
  [{ name: 'x', expires_at: '2099-02-30T00:00:00Z' }, 'expires_at: there is no such time'],
  [{ name: 'x', expires_at: 'tomorrow' }, 'expires_at: must be an RFC 3339 time'],
  [{ name: 'x', expires_at: 4102444800 }, 'expires_at: '],
  [{ name: 'x', rights: ['admin'] }, 'rights.0: must be one of call, read, manage'],
  [{ name: 'x', rights: [] }, 'rights: '],
  [{ name: 'x', rights: ['call', 'call'] }, 'rights: '],
  [{ name: 'x', rate: '60/60s' }, 'rate: '],
  [{ name: 'x', rate: { calls: 1.5, window_seconds: 60 } }, 'rate.calls: must be integer'],
  [{ name: 'x', rate: { calls: 1, window_seconds: 0 } }, 'rate.window_seconds: '],
  [{ name: 'x', quota: { credits: '5', period: 'day' } }, 'quota.credits: must be number'],
  [{ name: 'x', quota: { credits: 5, period: 'week' } }, 'quota.period: must be one of day, month, total'],
  [{ name: 'x', max_concurrency: -1 }, 'max_concurrency: '],
  [{ name: 'x', secret: 'mine' }, 'secret: is not known here'],
  [{ name: 'x'.repeat(201) }, 'name: '],
  [{ name: 'a\tb' }, 'name: must not be blank or hold control characters'],
]

test('a key that cannot be is refused, and none is made', async (t) => {
  const house = await openTestHouse(t)
  const path = `/accounts/${await house.account(0)}/keys`
  const [rows, keys] = [await auditRows(house), await everything(house, '/keys', 50)]
  for (const [body, about] of wrong) refusal(await house.admin('POST', path, body), 400, 'bad_request', about)
  assert.deepEqual([await auditRows(house), await everything(house, '/keys', 50)], [rows, keys])
})

test('keys are listed by account and by state', async (t) => {
  const house = await openTestHouse(t)
  const [one, other] = [await house.account(0), await house.account(0)]
  const soon = { expiresAtMs: Date.now() - 1 }
  const active = await house.key(one)
  const expired = await house.key(one, soon)
  const revoked = await house.key(one, soon)
  const foreign = await house.key(other)
  good(await house.admin('POST', `/keys/${revoked.id}/revoke`))
  const found = async (query: string) => dataOf(await house.admin('GET', `/keys?${query}`)).map(({ id }) => id)
  assert.deepEqual(await found(`account=${one}`), [revoked.id, expired.id, active.id])
  assert.deepEqual(await found(`account=${one}&status=active`), [active.id])
  assert.deepEqual(await found(`account=${one}&status=expired`), [expired.id])
  assert.deepEqual(await found('status=revoked'), [revoked.id])
  assert.deepEqual(await found(`account=${other}`), [foreign.id])
  assert.deepEqual(await found('account=nobody'), [])
  assert.deepEqual(
    (await everything(house, `/keys?account=${one}`, 1)).map(({ id }) => id),
    await found(`account=${one}`),
  )
  refusal(await house.admin('GET', '/keys?status=gone'), 400, 'bad_request', 'status: ')
})

test('what is changed counts from the next call on', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(100)
  const { id, secret } = await house.key(account)
  const patch = async (body: unknown) => good(await house.admin('PATCH', `/keys/${id}`, body))
  const status = async () => (await house.client.call(secret, { prompt: 'x' })).status
  assert.equal(await status(), 200)
  await patch({ allow_ips: ['10.0.0.0/8'] })
  assert.equal(await status(), 403)
  await patch({ allow_ips: ['127.0.0.0/8'] })
  assert.equal(await status(), 200)
  await patch({ rights: ['read'] })
  assert.equal(await status(), 403)
  await patch({ rights: ['call'], quota: { credits: 6, period: 'day' } })
  assert.equal(await status(), 429)
  const key = await patch({ quota: null })
  assert.deepEqual(
    [key['rights'], key['allow_ips'], key['quota'], key['quota_used']],
    [['call'], ['127.0.0.0/8'], null, null],
  )
  assert.equal(await status(), 200)
  assert.match(String(good(await house.admin('GET', `/keys/${id}`))['last_used_at']), /Z$/)
  refusal(await house.admin('PATCH', `/keys/${id}`, { mode: 'test' }), 400, 'bad_request', 'mode: is not known here')
  refusal(await house.admin('PATCH', `/keys/${id}`, {}), 400, 'bad_request')
  refusal(await house.admin('PATCH', `/keys/${id}`, { name: null }), 400, 'bad_request', 'name: ')
  await house.balanced()
})

test('a revoked key opens nothing from the next call on, and stays revoked', async (t) => {
  const house = await openSelling(t)
  const { id, secret } = await house.key(await house.account(10))
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  const rows = await auditRows(house)
  const revoked = good(await house.admin('POST', `/keys/${id}/revoke`))
  assert.equal(revoked['status'], 'revoked')
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 401)
  assert.deepEqual(good(await house.admin('POST', `/keys/${id}/revoke`, {})), revoked)
  assert.equal(await auditRows(house), rows + 1)
  refusal(await house.admin('PATCH', `/keys/${id}`, { name: 'x' }), 409, 'conflict', 'revoked')
  refusal(await house.admin('POST', `/keys/${id}/rotate`), 409, 'conflict', 'revoked')
  refusal(await house.admin('POST', `/keys/${id}/revoke`, { why: 1 }), 400, 'bad_request', 'body: must be empty')
  assert.equal(await auditRows(house), rows + 1)
  await house.balanced()
})

test('rotating gives a successor with the same limits on the same counters, and ends the old key at once', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(100)
  const limits = { name: 'k', rights: ['call'], quota: { credits: 6, period: 'total' }, allow_ips: ['127.0.0.1'] }
  const old = await post(house, `/accounts/${account}/keys`, limits)
  assert.equal((await house.client.call(String(old['secret']), { prompt: 'x' })).status, 200)
  const next = await post(house, `/keys/${old['id']}/rotate`)
  assert.notEqual(next['secret'], old['secret'])
  for (const field of ['name', 'mode', 'rights', 'quota', 'allow_ips', 'account_id', 'expires_at']) {
    assert.deepEqual(next[field], old[field], field)
  }
  assert.equal(next['quota_used'], 3)
  assert.equal(good(await house.admin('GET', `/keys/${old['id']}`))['status'], 'expired')
  assert.equal((await house.client.call(String(old['secret']), { prompt: 'x' })).status, 401)
  assert.equal((await house.client.call(String(next['secret']), { prompt: 'x' })).status, 200)
  assert.equal((await house.client.call(String(next['secret']), { prompt: 'x' })).status, 403)
  refusal(await house.admin('POST', `/keys/${old['id']}/rotate`, {}), 409, 'conflict', 'expired')
  await house.balanced()
})

test('for the grace period both keys open the door, and draw on one quota', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(100)
  const old = await post(house, `/accounts/${account}/keys`, { name: 'k', quota: { credits: 9, period: 'month' } })
  const next = await post(house, `/keys/${old['id']}/rotate`, { grace_seconds: 3600 })
  const call = async (key: Record<string, unknown>) =>
    (await house.client.call(String(key['secret']), { prompt: 'x' })).status
  assert.deepEqual(
    [await call(old), await call(next), await call(old), await call(next), await call(old)],
    [200, 200, 200, 429, 429],
  )
  const shown = good(await house.admin('GET', `/keys/${old['id']}`))
  const leftMs = Date.parse(String(shown['expires_at'])) - Date.now()
  assert.ok(leftMs > 3_500_000 && leftMs <= 3_600_000)
  assert.deepEqual([shown['quota_used'], next['expires_at']], [9, null])
  const soon = await post(house, `/accounts/${account}/keys`, {
    name: 'k',
    expires_at: new Date(Date.now() + 60_000).toISOString(),
  })
  await post(house, `/keys/${soon['id']}/rotate`, { grace_seconds: 3600 })
  assert.equal(good(await house.admin('GET', `/keys/${soon['id']}`))['expires_at'], soon['expires_at'])
  for (const grace of [-1, 1.5, '60', 2_592_001, null]) {
    refusal(
      await house.admin('POST', `/keys/${next['id']}/rotate`, { grace_seconds: grace }),
      400,
      'bad_request',
      'grace_seconds',
    )
  }
  await house.balanced()
})

test('of many rotations at once one wins', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await house.key(await house.account(0))
  const rows = await auditRows(house)
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => house.admin('POST', `/keys/${id}/rotate`, { grace_seconds: 60 })),
  )
  const won = replies.filter(({ status }) => status === 201).length
  for (const reply of replies) if (reply.status !== 201) refusal(reply, 409, 'conflict')
  assert.ok(won >= 1)
  assert.equal(await auditRows(house), rows + won)
  assert.equal(
    Number(
      (await house.store.read('SELECT count(DISTINCT spend_id) AS n FROM keys WHERE mode = $1', ['live']))[0]?.['n'],
    ),
    1,
  )
})

test('a key that was changed since it was read is not overwritten', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await house.key(await house.account(0))
  const etag = (await house.admin('GET', `/keys/${id}`)).headers['etag'] ?? ''
  const patched = await house.admin('PATCH', `/keys/${id}`, { name: 'second' }, { 'if-match': etag })
  assert.equal(patched.headers['etag'], '"2"')
  const rows = await auditRows(house)
  for (const [method, path, body] of [
    ['PATCH', '', { name: 'third' }],
    ['POST', '/rotate', {}],
    ['POST', '/revoke', undefined],
  ] as const) {
    const stale = await house.admin(method, `/keys/${id}${path}`, body, { 'if-match': etag })
    refusal(stale, 412, 'precondition_failed')
  }
  assert.equal(await auditRows(house), rows)
  assert.equal(good(await house.admin('GET', `/keys/${id}`))['name'], 'second')
})

test('a key nobody has is 404 everywhere', async (t) => {
  const house = await openTestHouse(t)
  for (const id of [unknownIds.key, unknownIds.acc, 'x', '%00']) {
    refusal(await house.admin('GET', `/keys/${id}`), 404, 'not_found')
    refusal(await house.admin('PATCH', `/keys/${id}`, { name: 'x' }), 404, 'not_found')
    refusal(await house.admin('POST', `/keys/${id}/rotate`, {}), 404, 'not_found')
    refusal(await house.admin('POST', `/keys/${id}/revoke`), 404, 'not_found')
  }
})
