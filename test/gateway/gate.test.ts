import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mintKey } from '../../src/keys/key.ts'
import { corePath, formOf } from '../support/client.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { dial, type RawReply, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

const limit = 2000
const tooLong = { 'content-length': String(limit + 1) }
const missing = 'Send your key in the authorization header: Bearer tg_live_...'
const malformed = 'What was sent as a key is not one: a key has a prefix, 32 characters and a checksum.'
const invalid = 'This key is not valid: it is unknown, revoked or expired.'

/** What a refusal is told apart by. */
function told(reply: RawReply): unknown[] {
  const { name, errors } = reply.json() as { name: string; errors: string[] }
  return [reply.status, name, errors[0]?.replace(/in \d+ seconds\.$/, 'in some seconds.')]
}

test('each step refuses before the next is looked at, without asking for the body', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { BODY_LIMIT_BYTES: String(limit) }))
  const account = await house.account(10)
  const suspended = await house.account(10)
  const { secret } = await house.key(account)
  const keys = {
    expired: await house.key(account, { expiresAtMs: Date.now() - 1 }),
    revoked: await house.key(account),
    suspended: await house.key(suspended, { offers: [], allowIps: ['203.0.113.0/24'] }),
    elsewhere: await house.key(account, { offers: ['another-offer'], allowIps: ['203.0.113.0/24'] }),
    reader: await house.key(account, { rights: ['read'], allowIps: ['203.0.113.0/24'] }),
    distant: await house.key(account, {
      allowIps: ['203.0.113.0/24', '2001:db8::/32'],
      rate: { calls: 1, windowSeconds: 60 },
    }),
    spent: await house.key(account, { rate: { calls: 1, windowSeconds: 60 }, maxConcurrency: 1 }),
    full: await house.key(account, { maxConcurrency: 1 }),
  }
  await house.store.write([
    { sql: 'UPDATE keys SET revoked_at = 1 WHERE id = $1', params: [keys.revoked.id] },
    { sql: `UPDATE accounts SET status = 'suspended' WHERE id = $1`, params: [suspended] },
  ])
  await house.client.call(keys.spent.secret, { prompt: ' ' })
  standIn.holdAnswers()
  const busy = house.client.call(keys.full.secret, { prompt: 'in flight' })
  await standIn.waitFor(1)

  // Every row is wrong in all that comes later too, and must be told of the first only.
  const wrong = { accept: 'text/html', 'content-type': 'text/plain', ...tooLong }
  const two = { ...wrong, authorization: `Bearer ${secret}`, 'x-api-key': mintKey('live') }
  const authorizations = [`Bearer ${secret}`, `Bearer ${secret}`]
  const rows: [string, string | undefined, Parameters<typeof rawCall>[1], unknown[], string?][] = [
    [
      'an unknown offer',
      undefined,
      wrong,
      [404, 'not_found', 'There is nothing at this address.'],
      '/sd/v2beta/nothing',
    ],
    ['no key', undefined, wrong, [401, 'unauthorized', missing]],
    ['an empty bearer', undefined, { ...wrong, authorization: 'Bearer ' }, [401, 'unauthorized', missing]],
    [
      'a key in the query',
      undefined,
      wrong,
      [401, 'unauthorized', missing],
      `${corePath}?key=${secret}&api_key=${secret}`,
    ],
    [
      'a mistyped key',
      `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`,
      wrong,
      [401, 'unauthorized', malformed],
    ],
    ["the upstream's own kind of key", 'sk-0123456789', wrong, [401, 'unauthorized', malformed]],
    ['another scheme', undefined, { ...wrong, authorization: `Basic ${secret}` }, [401, 'unauthorized', malformed]],
    ['two keys', undefined, two, [401, 'unauthorized', 'Two different keys were sent; send one.']],
    [
      'two headers',
      undefined,
      { ...wrong, authorization: authorizations },
      [401, 'unauthorized', 'Send one authorization header, not several.'],
    ],
    ['an unknown key', mintKey('live'), wrong, [401, 'unauthorized', invalid]],
    ['an operator key', mintKey('admin'), wrong, [401, 'unauthorized', invalid]],
    ['an expired key', keys.expired.secret, wrong, [401, 'unauthorized', invalid]],
    ['a revoked key', keys.revoked.secret, wrong, [401, 'unauthorized', invalid]],
    ['a suspended account', keys.suspended.secret, wrong, [403, 'account_suspended', 'The account is suspended.']],
    ['a key without the right', keys.reader.secret, wrong, [403, 'forbidden', 'This key may not make paid calls.']],
    [
      'a key for another offer',
      keys.elsewhere.secret,
      wrong,
      [403, 'forbidden', 'This key may not buy stable-image-core.'],
    ],
    [
      'a key of another network',
      keys.distant.secret,
      wrong,
      [403, 'forbidden', 'This key may not be used from this address.'],
    ],
    [
      'a key past its rate',
      keys.spent.secret,
      wrong,
      [429, 'rate_limited', 'This key may make 1 calls in 60 seconds; the next is allowed in some seconds.'],
    ],
    [
      'a key past its slots',
      keys.full.secret,
      wrong,
      [429, 'concurrency_limited', 'The key may have 1 calls in flight at once.'],
    ],
    [
      'an accept nobody can serve',
      secret,
      wrong,
      [406, 'not_acceptable', 'The accept header names neither application/json nor an image type.'],
    ],
    [
      'another content type',
      secret,
      { ...wrong, accept: '*/*' },
      [400, 'bad_request', 'content-type: must be multipart/form-data'],
    ],
    [
      'a body that is too long',
      secret,
      { accept: undefined, ...tooLong },
      [413, 'payload_too_large', `The body may have at most ${limit} bytes.`],
    ],
  ]
  for (const [what, key, headers, expected, path] of rows) {
    const raw = await dial(t, house.origin)
    const { head } = rawCall(key, { ...headers, expect: '100-continue' }, path ? { path } : {})
    raw.send(head)
    const reply = await raw.reply()
    assert.deepEqual(told(reply), expected, what)
    assert.equal(raw.interim, 0, `${what}: the body was not asked for`)
    assert.equal(reply.headers['connection'], 'close', what)
    assert.match(reply.headers['x-request-id'] ?? '', /^call_[0-9a-z]{26}$/, what)
    assert.equal(await raw.closed, '', what)
  }
  standIn.letGo()
  assert.equal((await busy).status, 200)
  assert.equal(standIn.calls.length, 1)
  await house.balanced()
})

test('a body is asked for as soon as nothing in its head is wrong', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(10))
  const raw = await dial(t, house.origin)
  const { head, body } = rawCall(secret, { expect: '100-continue' })
  raw.send(head)
  await until('the body is asked for', () => raw.interim === 1)
  raw.send(body)
  assert.equal((await raw.reply()).status, 200)
  assert.equal(raw.interim, 1)
  await house.balanced()
})

test('a key is taken as bearer, bare, in x-api-key, or twice the same; in either kind of path', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const account = await house.account(100)
  const { secret } = await house.key(account)
  const raw = await dial(t, house.origin)
  const ways = [
    { authorization: `Bearer ${secret}` },
    { authorization: `bearer   ${secret} ` },
    { authorization: secret },
    { authorization: undefined, 'x-api-key': secret },
    { authorization: '', 'x-api-key': secret },
    { authorization: `Bearer ${secret}`, 'x-api-key': secret },
  ]
  for (const headers of ways) {
    for (const path of [corePath, corePath.slice(3), `${corePath}?prompt=in%20the%20query`]) {
      raw.send(rawCall(undefined, headers, { path }).whole)
      assert.equal((await raw.reply()).status, 200, JSON.stringify(Object.keys(headers)))
    }
  }
  assert.equal((await house.balanceOf(account)).available, (100 - 3 * 18) * 1_000_000)
  await house.balanced()
})

test('an accept header names JSON, an image type, anything, or nothing', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(100))
  const raw = await dial(t, house.origin)
  const rows: [string | undefined, number, string][] = [
    [undefined, 200, 'image/png'],
    ['', 200, 'image/png'],
    ['*/*', 200, 'image/png'],
    ['image/*;q=0.8', 200, 'image/png'],
    ['text/html, image/png', 200, 'image/png'],
    ['application/json', 200, 'application/json; type=image/png'],
    ['image/*, application/json;q=0.1', 200, 'application/json; type=image/png'],
    ['text/html', 406, 'application/json; charset=utf-8'],
    ['application/*', 406, 'application/json; charset=utf-8'],
    ['image', 406, 'application/json; charset=utf-8'],
  ]
  for (const [accept, status, type] of rows) {
    raw.send(rawCall(secret, { accept }).whole)
    const reply = await raw.reply()
    assert.deepEqual([reply.status, reply.headers['content-type']], [status, type], `accept: ${accept}`)
  }
  await house.balanced()
})

test('an address list is asked about the caller, and about the one a trusted proxy names only then', async (t) => {
  const standIn = await opened(t)
  const plain = await openTestHouse(t, behind(standIn))
  const proxied = await openTestHouse(t, behind(standIn, { TRUST_PROXY: '127.0.0.1/32' }))
  const rows: [typeof plain, string[], string | undefined, number][] = [
    [plain, ['127.0.0.0/8'], undefined, 400],
    [plain, ['127.0.0.0/8'], '203.0.113.9', 400],
    [plain, ['203.0.113.0/24'], '203.0.113.9', 403],
    [plain, ['::1'], undefined, 403],
    [proxied, ['203.0.113.0/24'], '203.0.113.9', 400],
    [proxied, ['203.0.113.0/24'], '203.0.113.9, 198.51.100.7', 403],
    [proxied, ['203.0.113.0/24'], '198.51.100.7, ::ffff:203.0.113.9', 400],
    [proxied, ['2001:db8::/32'], '2001:db8::1', 400],
    [proxied, ['203.0.113.0/24'], 'not an address', 403],
    [proxied, ['203.0.113.0/24'], undefined, 403],
  ]
  for (const [house, allowIps, forwarded, status] of rows) {
    const { secret } = await house.key(await house.account(10), { allowIps })
    const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    const reply = await house.client.call(secret, { prompt: ' ' }, { headers })
    assert.equal(reply.status, status, `${allowIps} ${forwarded}: ${reply.body}`)
  }
})

test('slots bind the key and all keys of the account, per mode, and every kind of end frees them', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(100)
  await house.store.write([{ sql: 'UPDATE accounts SET max_concurrency = 2 WHERE id = $1', params: [account] }])
  const one = await house.key(account, { maxConcurrency: 1 })
  const other = await house.key(account)
  const test = await house.key(account, { mode: 'test' })
  standIn.holdAnswers()
  const first = house.client.call(one.secret, { prompt: 'mode:server-error first' })
  await standIn.waitFor(1)
  const again = await house.client.call(one.secret, { prompt: 'more' })
  const { name, details } = again.json()
  assert.deepEqual([again.status, name, details], [429, 'concurrency_limited', { limit: 1 }])
  assert.match(again.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  const second = house.client.call(other.secret, { prompt: 'second' })
  await standIn.waitFor(2)
  const third = await house.client.call(other.secret, { prompt: 'third' })
  assert.deepEqual(third.json()['errors'], ['The account may have 2 calls in flight at once.'])
  assert.equal((await house.client.call(test.secret, { prompt: 'test calls have slots of their own' })).status, 200)
  standIn.letGo()
  assert.deepEqual([(await first).status, (await second).status], [500, 200])

  const ends: [Record<string, string>, Parameters<typeof house.client.call>[2], number][] = [
    [{ prompt: 'mode:ok' }, {}, 200],
    [{ prompt: 'mode:moderation' }, {}, 403],
    [{ prompt: 'mode:reset-mid-body' }, {}, 502],
    [{ prompt: '' }, {}, 400],
    [{ prompt: 'x' }, { accept: 'text/html' }, 406],
    [{ prompt: 'x' }, { headers: { 'content-type': 'text/plain' } }, 400],
    [{ prompt: 'x' }, { raw: { bytes: formOf({ prompt: 'x' }), boundary: 'another' } }, 400],
  ]
  for (let turn = 0; turn < 2; turn++) {
    for (const [fields, options, status] of ends) {
      const reply = await house.client.call(one.secret, fields, options)
      assert.equal(reply.status, status, reply.body.toString())
    }
  }
  await house.balanced()
})

test('after twenty failed sign-ins in a minute the address is told to wait, but a good key from there is served', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), { TRUST_PROXY: '127.0.0.1' }))
  const { secret } = await house.key(await house.account(10))
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
  const statuses: number[] = []
  for (let count = 0; count < 22; count++) {
    const reply = await house.client.call(mintKey('live'), { prompt: 'x' }, from('203.0.113.9'))
    statuses.push(reply.status)
    if (reply.status !== 429) continue
    assert.equal(reply.json()['name'], 'rate_limited')
    assert.match(String(reply.headers['retry-after']), /^([1-9]|[1-5]\d|60)$/)
  }
  assert.deepEqual(statuses, [...Array(20).fill(401), 429, 429])
  const get = (path: string, key: string, address: string) =>
    house.client.json('GET', path, undefined, { authorization: `Bearer ${key}`, 'x-forwarded-for': address })
  assert.equal((await house.client.call(secret, { prompt: 'x' }, from('203.0.113.9'))).status, 200)
  assert.equal((await get('/sd/v1/user/balance', mintKey('live'), '203.0.113.9')).status, 429)
  assert.equal((await get('/admin/v1/books', 'no-operator', '203.0.113.9')).status, 429)
  assert.equal((await get('/sd/v1/user/balance', secret, '203.0.113.9')).status, 200)
  assert.equal((await house.client.call(mintKey('live'), { prompt: 'x' }, from('203.0.113.10'))).status, 401)
  await house.balanced()
})
