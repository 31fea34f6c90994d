import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, dataOf, everything, good, openSelling, post, refusal, unknownIds } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'

test('an account is made with its opening credits in one unit', async (t) => {
  const house = await openTestHouse(t)
  const reply = await house.admin('POST', '/accounts', { name: 'Design', external_id: 'crm-1', credits: 12.5 })
  const account = good(reply, 201)
  assert.match(String(account['id']), /^acc_[0-9a-z]{26}$/)
  assert.match(String(account['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const { id, created_at: _, ...rest } = account
  assert.deepEqual(rest, {
    ...{ name: 'Design', external_id: 'crm-1', status: 'active' },
    balance: { posted: 12.5, held: 0, available: 12.5 },
    ...{ rate: null, max_concurrency: null, quota: null, quota_used: null },
  })
  assert.equal(reply.headers['etag'], '"1"')
  assert.deepEqual(good(await house.admin('GET', `/accounts/${id}`)), account)
  assert.equal((await house.store.read('SELECT kind, credits FROM entries'))[0]?.['credits'], 12_500_000)
  await house.balanced()
})

const wrong: readonly (readonly [body: unknown, fields: readonly string[]])[] = [
  [{}, ['name: is required']],
  [[], ['body: must be object']],
  ['name', ['body: must be object']],
  [{ name: 7 }, ['name: must be string']],
  [{ name: '' }, ['name: must NOT have fewer than 1 characters']],
  [{ name: ' \t' }, ['name: must not be blank or hold control characters']],
  [{ name: 'a\u0000b' }, ['name: must not be blank or hold control characters']],
  [{ name: 'a\nb' }, ['name: must not be blank or hold control characters']],
  [{ name: 'a\u009fb' }, ['name: must not be blank or hold control characters']],
  [{ name: 'x'.repeat(201) }, ['name: must NOT have more than 200 characters']],
  [{ name: 'x', external_id: '' }, ['external_id: must NOT have fewer than 1 characters']],
  [{ name: 'x', external_id: null }, ['external_id: must be string']],
  [{ name: 'x', credits: '5' }, ['credits: must be number']],
  [{ name: 'x', credits: -1 }, ['credits: must be at least 0']],
  [{ name: 'x', credits: 0.0000001 }, ['credits: must be a number of credits with at most six decimals']],
  [{ name: 'x', credits: 9_000_000_001 }, ['credits: must be a number of credits']],
  [{ name: 'x', credits: 1e300 }, ['credits: must be a number of credits']],
  [{ name: 'x', extra: 1, more: 2 }, ['extra: is not known here', 'more: is not known here']],
  [{ name: 1, credits: 'x' }, ['name: must be string', 'credits: must be number']],
]

test('a body that does not fit is refused, every field named, and makes nothing', async (t) => {
  const house = await openTestHouse(t)
  const before = await auditRows(house)
  for (const [body, fields] of wrong) {
    const reply = await house.admin('POST', '/accounts', body)
    for (const field of fields) refusal(reply, 400, 'bad_request', field)
  }
  assert.deepEqual(
    (await house.store.read('SELECT name FROM accounts')).map(({ name }) => name),
    ['demo'],
  )
  assert.equal(await auditRows(house), before)
})

test('names may be in any script, up to 200 characters', async (t) => {
  const house = await openTestHouse(t)
  for (const name of [
    'Ångström & Söhne',
    '設計チーム',
    '🎨'.repeat(200),
    'x'.repeat(200),
    `"; DROP TABLE accounts; --`,
  ]) {
    const { id } = await post(house, '/accounts', { name })
    assert.equal(good(await house.admin('GET', `/accounts/${id}`))['name'], name)
  }
})

test('only JSON is read as a body', async (t) => {
  const house = await openTestHouse(t)
  const { client } = house
  const headers = { authorization: 'Bearer an-operator-key-for-tests-only' }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data']) {
    const reply = await client.send('POST', '/admin/v1/accounts', { ...headers, 'content-type': type }, '{"name":"x"}')
    refusal(reply, 415, 'unsupported_media_type')
  }
  const json = { ...headers, 'content-type': 'application/json' }
  for (const text of ['{', '{"name":"x"', 'nonsense', '{"name":"x","__proto__":{"a":1}}', '']) {
    refusal(await client.send('POST', '/admin/v1/accounts', json, text), 400, 'bad_request')
  }
  refusal(await client.send('POST', '/admin/v1/accounts', headers), 400, 'bad_request', 'body: must be object')
  const charset = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  good(await client.send('POST', '/admin/v1/accounts', charset, '{"name":"x"}'), 201)
})

test('an external id belongs to one account', async (t) => {
  const house = await openTestHouse(t)
  await post(house, '/accounts', { name: 'first', external_id: 'same' })
  const before = await auditRows(house)
  refusal(
    await house.admin('POST', '/accounts', { name: 'b', external_id: 'same', credits: 5 }),
    409,
    'conflict',
    'external_id',
  )
  assert.equal(await auditRows(house), before)
  await house.balanced()
})

test('lists run newest first, page by page, each account once', async (t) => {
  const house = await openTestHouse(t, { UPSTREAM_TOKENS: 'sk-a-token-of-some-length' })
  const made: unknown[] = []
  for (let count = 0; count < 7; count++) made.unshift((await post(house, '/accounts', { name: `n ${count}` }))['id'])
  for (const limit of [1, 2, 3, 7, 200]) {
    assert.deepEqual(
      (await everything(house, '/accounts', limit)).map(({ id }) => id),
      made,
    )
  }
})

test('limits are capped and cursors cannot be forged', async (t) => {
  const house = await openTestHouse(t)
  for (const list of ['/accounts', '/keys', '/calls']) {
    for (const limit of ['0', '201', '-1', '1.5', '1e2', 'all', '', '050']) {
      refusal(await house.admin('GET', `${list}?limit=${limit}`), 400, 'bad_request', 'limit: ')
    }
    refusal(await house.admin('GET', `${list}?limit=1&limit=2`), 400, 'bad_request', 'limit: ')
    refusal(await house.admin('GET', `${list}?colour=blue`), 400, 'bad_request', 'colour: is not known here')
    const forged = ["' OR 1=1 --", 'op_00000000000000000000000000', 'x', `${unknownIds.acc}\n`, 'acc_', '\u0000']
    const texts = [...forged.map((text) => Buffer.from(text).toString('base64url')), '%27', 'a b', 'x'.repeat(600), '']
    for (const cursor of texts) {
      refusal(await house.admin('GET', `${list}?cursor=${encodeURIComponent(cursor)}`), 400, 'bad_request', 'cursor: ')
    }
  }
})

test('accounts are found by id, by state and by parts of their names', async (t) => {
  const house = await openTestHouse(t)
  const first = await post(house, '/accounts', { name: 'Alpha 100%', external_id: 'CRM_7' })
  const second = await post(house, '/accounts', { name: 'beta', external_id: 'CRMx7' })
  good(await house.admin('PATCH', `/accounts/${second['id']}`, { status: 'suspended' }))
  const found = async (query: string) => dataOf(await house.admin('GET', `/accounts?${query}`)).map(({ id }) => id)
  assert.deepEqual(await found('q=ALPHA'), [first['id']])
  assert.deepEqual(await found('q=100%25'), [first['id']])
  assert.deepEqual(await found('q=crm_7'), [first['id']])
  assert.deepEqual(await found(`q=${second['id']}`), [second['id']])
  assert.deepEqual(await found('status=suspended'), [second['id']])
  assert.deepEqual(await found('status=suspended&q=alpha'), [])
  assert.deepEqual(await found(`q=${encodeURIComponent("' OR '1'='1")}`), [])
  refusal(await house.admin('GET', '/accounts?status=sleeping'), 400, 'bad_request', 'status: must be one of active')
})

test('an id that is none, or of nobody, is the same 404', async (t) => {
  const house = await openTestHouse(t)
  for (const id of [unknownIds.acc, unknownIds.key, 'x', "'", '%00', 'x'.repeat(300), '..%2f..']) {
    refusal(await house.admin('GET', `/accounts/${id}`), 404, 'not_found')
    refusal(await house.admin('PATCH', `/accounts/${id}`, { name: 'x' }), 404, 'not_found')
    refusal(await house.admin('POST', `/accounts/${id}/grants`, { credits: 1, reason: 'x' }), 404, 'not_found')
    refusal(await house.admin('POST', `/accounts/${id}/keys`, { name: 'x' }), 404, 'not_found')
  }
})

test('a change touches what is given and nothing else, and null takes a limit away', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await post(house, '/accounts', { name: 'before' })
  const path = `/accounts/${id}`
  const limits = {
    rate: { calls: 5, window_seconds: 10 },
    max_concurrency: 2,
    quota: { credits: 9.5, period: 'month' },
  }
  const limited = good(await house.admin('PATCH', path, limits))
  assert.deepEqual({ ...limited, ...limits }, limited)
  assert.equal(limited['quota_used'], 0)
  const renamed = good(await house.admin('PATCH', path, { name: 'after' }))
  assert.deepEqual(renamed, { ...limited, name: 'after' })
  const freed = good(await house.admin('PATCH', path, { rate: null, quota: null }))
  assert.deepEqual([freed['rate'], freed['quota'], freed['max_concurrency']], [null, null, 2])
  for (const body of [
    {},
    { name: null },
    { status: 'gone' },
    { external_id: 'x' },
    { rate: { calls: 0, window_seconds: 1 } },
    { rate: { calls: 1 } },
    { rate: { calls: 1, window_seconds: 1, burst: 2 } },
    { max_concurrency: 0 },
    { max_concurrency: 1.5 },
    { quota: { credits: 1, period: 'week' } },
    { quota: { credits: -1, period: 'day' } },
    { quota: { credits: 1.1234567, period: 'day' } },
  ]) {
    refusal(await house.admin('PATCH', path, body), 400, 'bad_request')
  }
  assert.deepEqual(good(await house.admin('GET', path)), freed)
})

test('two operators do not overwrite each other unseen', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await post(house, '/accounts', { name: 'first' })
  const path = `/accounts/${id}`
  const etag = (await house.admin('GET', path)).headers['etag'] ?? ''
  const changed = await house.admin('PATCH', path, { name: 'second' }, { 'if-match': etag })
  assert.notEqual(changed.headers['etag'], etag)
  const rows = await auditRows(house)
  refusal(await house.admin('PATCH', path, { name: 'third' }, { 'if-match': etag }), 412, 'precondition_failed')
  refusal(await house.admin('PATCH', path, { name: 'third' }, { 'if-match': `W/${etag}` }), 412, 'precondition_failed')
  assert.equal(await auditRows(house), rows)
  good(await house.admin('PATCH', path, { name: 'third' }, { 'if-match': `"7", ${changed.headers['etag']}` }))
  good(await house.admin('PATCH', path, { name: 'fourth' }, { 'if-match': '*' }))
  const burst = await Promise.all(
    Array.from({ length: 20 }, (_, index) => house.admin('PATCH', path, { name: `burst ${index}` })),
  )
  for (const reply of burst) if (reply.status !== 200) refusal(reply, 409, 'conflict')
  const won = burst.filter(({ status }) => status === 200).length
  assert.equal((await house.admin('GET', path)).headers['etag'], `"${4 + won}"`)
  assert.equal(await auditRows(house), rows + 2 + won)
})

test('suspending stops the next call, resuming lets it in', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(30)
  const { secret } = await house.key(account)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  good(await house.admin('PATCH', `/accounts/${account}`, { status: 'suspended' }))
  const refused = await house.client.call(secret, { prompt: 'x' })
  assert.deepEqual([refused.status, refused.json()['name']], [403, 'account_suspended'])
  good(await house.admin('PATCH', `/accounts/${account}`, { status: 'active' }))
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test("an account's quota binds its keys together from the next call on", async (t) => {
  const house = await openSelling(t)
  const account = await house.account(30)
  const keys = [await house.key(account), await house.key(account)]
  const call = (index: number) => house.client.call(keys[index]?.secret ?? '', { prompt: 'x' })
  assert.equal((await call(0)).status, 200)
  good(await house.admin('PATCH', `/accounts/${account}`, { quota: { credits: 6, period: 'total' } }))
  assert.equal((await call(1)).status, 200)
  const refused = [await call(0), await call(1)]
  assert.deepEqual(
    refused.map(({ status }) => status),
    [403, 403],
  )
  assert.equal(good(await house.admin('GET', `/accounts/${account}`))['quota_used'], 6)
  await house.balanced()
})

test('closing an account revokes its keys, freezes its balance and erases who it was', async (t) => {
  const house = await openSelling(t)
  const { id } = await post(house, '/accounts', { name: 'Jane Doe', external_id: 'jane@example.com', credits: 10 })
  const path = `/accounts/${id}`
  good(await house.admin('PATCH', path, { name: 'Jane Q. Doe' }))
  const key = await post(house, `${path}/keys`, { name: 'k' })
  const call = await house.client.call(String(key['secret']), { prompt: 'x' })
  const closed = good(await house.admin('PATCH', path, { status: 'closed' }))
  assert.deepEqual([closed['name'], closed['external_id'], closed['status']], ['', null, 'closed'])
  assert.deepEqual(closed['balance'], { posted: 7, held: 0, available: 7 })
  assert.equal((await house.client.call(String(key['secret']), { prompt: 'x' })).status, 401)
  assert.equal(good(await house.admin('GET', `/keys/${key['id']}`))['status'], 'revoked')
  refusal(await house.admin('POST', `${path}/grants`, { credits: 1, reason: 'x' }), 409, 'conflict', 'closed')
  refusal(await house.admin('POST', `${path}/grants`, { credits: -1, reason: 'x' }), 409, 'conflict', 'closed')
  refusal(await house.admin('POST', `${path}/keys`, { name: 'x' }), 409, 'conflict', 'closed')
  refusal(await house.admin('PATCH', path, { status: 'active' }), 409, 'conflict', 'closed')
  const charged = call.headers['x-request-id']
  refusal(await house.admin('POST', `/calls/${charged}/refund`, { reason: 'x' }), 409, 'conflict', 'closed')
  assert.equal((await house.store.read('SELECT id FROM entries')).length, 2)
  for (const table of ['accounts', 'audit', 'particulars', 'entries', 'keys', 'calls']) {
    assert.doesNotMatch(JSON.stringify(await house.store.read(`SELECT * FROM ${table}`)), /Jane|jane/, table)
  }
  const again = await post(house, '/accounts', { name: 'Jane', external_id: 'jane@example.com' })
  assert.notEqual(again['id'], id)
  await house.balanced()
})
