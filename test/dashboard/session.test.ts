import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, post, refusal } from '../support/admin.ts'
import { adminKey, openTestHouse } from '../support/house.ts'
import { openPlace } from '../support/process.ts'
import { cookieSetBy, signIn } from '../support/signed-in.ts'

test('an operator signs in with a key and gets the admin door, and no other', async (t) => {
  const house = await openTestHouse(t)
  const { session, ask } = await signIn(house, adminKey)
  const { csrf, expires_at: ends, ...told } = session
  assert.deepEqual(told, { kind: 'operator', name: 'bootstrap', role: 'admin' })
  assert.match(String(csrf), /^[0-9a-f]{64}$/)
  assert.ok(Math.abs(Date.parse(String(ends)) - Date.now() - 12 * 3_600_000) < 60_000)
  assert.deepEqual(good(await ask('GET', '/dashboard/session')), session)
  good(await ask('POST', '/admin/v1/accounts', { name: 'made with a session' }), 201)
  refusal(await ask('GET', '/portal/v1/me'), 403, 'forbidden', 'session')
})

test('a holder of a key signs in and gets the portal as that key may, and no other door', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(5)
  const key = await house.key(account, { name: 'mine', rights: ['read'] })
  const { session, ask } = await signIn(house, key.secret)
  const { csrf: _, expires_at: __, ...told } = session
  assert.deepEqual(told, { kind: 'account', account, key: key.id, name: 'mine', mode: 'live', rights: ['read'] })
  assert.deepEqual(good(await ask('GET', '/portal/v1/me'))['balance'], { posted: 5, held: 0, available: 5 })
  refusal(await ask('POST', '/portal/v1/keys', { name: 'more' }), 403, 'forbidden', 'may not make')
  refusal(await ask('GET', '/admin/v1/accounts'), 403, 'forbidden', 'session')
})

test('what an operator does with a session stands in the audit under that operator', async (t) => {
  const house = await openTestHouse(t)
  const made = await post(house, '/operators', { name: 'Ada', role: 'admin' })
  const { ask } = await signIn(house, String(made['secret']))
  const { id } = good(await ask('POST', '/admin/v1/accounts', { name: 'audited' }), 201)
  const { data } = good(await house.admin('GET', `/audit?subject=${id}`))
  assert.deepEqual(
    (data as { actor: string }[]).map(({ actor }) => actor),
    [made['id']],
  )
})

test('a viewer who is signed in looks and changes nothing', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await post(house, '/operators', { name: 'Viv', role: 'viewer' })
  const { session, ask } = await signIn(house, String(secret))
  assert.equal(session['role'], 'viewer')
  good(await ask('GET', '/admin/v1/accounts'))
  refusal(await ask('POST', '/admin/v1/accounts', { name: 'x' }), 403, 'forbidden', 'viewer')
})

test('the cookie is one that no script reads and no other site sends, and on TLS nothing sends it in clear', async (t) => {
  const house = await openTestHouse(t, { TRUST_PROXY: '127.0.0.1' })
  const sign = (headers: Record<string, string>) =>
    house.client.json('POST', '/dashboard/session', { key: adminKey }, headers)
  const plain = String((await sign({})).headers['set-cookie'])
  assert.match(plain, /^tollgate_session=[\w-]{43}; Path=\/; Max-Age=43\d\d\d; HttpOnly; SameSite=Strict$/)
  assert.match(String((await sign({ 'x-forwarded-proto': 'https' })).headers['set-cookie']), /; Secure$/)
})

test('the key is nowhere in what is answered, stored or logged, and neither is the session itself', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await house.key(await house.account(0))
  const reply = await house.client.json('POST', '/dashboard/session', { key: secret })
  const cookie = cookieSetBy(reply).replace('tollgate_session=', '')
  const rows = JSON.stringify(await house.store.read('SELECT * FROM sessions'))
  const said = reply.body.toString() + JSON.stringify(house.lines)
  for (const each of [secret, cookie]) assert.ok(!rows.includes(each) && !said.includes(each))
  assert.ok(!rows.includes(String(reply.json()['csrf'])))
})

test('signing out ends the session at the server, and is fine with nobody signed in', async (t) => {
  const house = await openTestHouse(t)
  const { ask, session } = await signIn(house, adminKey)
  const other = await signIn(house, adminKey)
  const out = await ask('DELETE', '/dashboard/session')
  assert.equal(out.status, 204)
  assert.match(String(out.headers['set-cookie']), /^tollgate_session=; Path=\/; Max-Age=0;/)
  for (const path of ['/dashboard/session', '/admin/v1/accounts']) {
    refusal(await ask('GET', path), 401, 'unauthorized', 'session has ended')
  }
  assert.equal((await ask('DELETE', '/dashboard/session')).status, 204)
  assert.equal((await house.client.json('DELETE', '/dashboard/session')).status, 204)
  refusal(await house.client.json('GET', '/dashboard/session'), 401, 'unauthorized', 'Nobody')
  assert.equal(good(await other.ask('GET', '/dashboard/session'))['kind'], session['kind'])
})

test('signing in once more ends the session that the browser had', async (t) => {
  const house = await openTestHouse(t)
  const first = await signIn(house, adminKey)
  const again = await house.client.json('POST', '/dashboard/session', { key: adminKey }, { cookie: first.cookie })
  assert.notEqual(cookieSetBy(again), first.cookie)
  refusal(await first.ask('GET', '/admin/v1/accounts'), 401, 'unauthorized', 'ended')
})

const ends = {
  revoked: (house, { key }) => house.admin('POST', `/keys/${key}/revoke`),
  expired: async (house, { key }) => {
    const soonMs = Date.now() + 300
    await house.admin('PATCH', `/keys/${key}`, { expires_at: new Date(soonMs).toISOString() })
    while (Date.now() <= soonMs) await new Promise((wake) => setTimeout(wake, 50))
  },
  'rotated without grace': (house, { key }) => house.admin('POST', `/keys/${key}/rotate`, { grace_seconds: 0 }),
  'of a closed account': (house, { account }) => house.admin('PATCH', `/accounts/${account}`, { status: 'closed' }),
} as const satisfies Record<
  string,
  (house: Awaited<ReturnType<typeof openTestHouse>>, ids: { account: string; key: string }) => Promise<unknown>
>

for (const [name, end] of Object.entries(ends)) {
  test(`a session ends with a key that is ${name}`, async (t) => {
    const house = await openTestHouse(t)
    const account = await house.account(0)
    const made = await post(house, `/accounts/${account}/keys`, { name: 'short-lived' })
    const { ask } = await signIn(house, String(made['secret']))
    good(await ask('GET', '/portal/v1/me'))
    await end(house, { account, key: String(made['id']) })
    for (const path of ['/portal/v1/me', '/dashboard/session'])
      refusal(await ask('GET', path), 401, 'unauthorized', 'ended')
  })
}

test('the session of a suspended account is refused as its key is', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const { ask } = await signIn(house, (await house.key(account)).secret)
  good(await house.admin('PATCH', `/accounts/${account}`, { status: 'suspended' }))
  refusal(await ask('GET', '/portal/v1/me'), 403, 'account_suspended')
  refusal(await ask('GET', '/dashboard/session'), 403, 'account_suspended')
})

test('the session of an operator who was removed ends', async (t) => {
  const house = await openTestHouse(t)
  const made = await post(house, '/operators', { name: 'Ada', role: 'admin' })
  const { ask } = await signIn(house, String(made['secret']))
  good(await ask('GET', '/admin/v1/books'))
  assert.equal((await house.admin('DELETE', `/operators/${made['id']}`)).status, 204)
  refusal(await ask('GET', '/admin/v1/books'), 401, 'unauthorized', 'ended')
})

test('a session outlives a restart, and one made with ADMIN_KEY ends when that is changed', async (t) => {
  const place = openPlace(t)
  const first = await place.start({ ADMIN_KEY: adminKey })
  const { headers } = await signIn(first, adminKey)
  first.kill('SIGTERM')
  await first.ended
  for (const [key, status] of [
    [adminKey, 200],
    [`${adminKey}-changed`, 401],
  ] as const) {
    const later = await place.start({ ADMIN_KEY: key })
    const reply = await later.client.json('GET', '/admin/v1/books', undefined, headers)
    assert.equal(reply.status, status, reply.body.toString())
    later.kill('SIGTERM')
    await later.ended
  }
})

test('wrong keys at the sign-in count with all other failed sign-ins, and a good one is let in', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await house.key(await house.account(0))
  const unknown = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`
  const sign = (key: string) => house.client.json('POST', '/dashboard/session', { key })
  for (let count = 0; count < 10; count++) refusal(await sign(unknown), 401, 'unauthorized', 'not valid')
  const revoked = await house.key(await house.account(0))
  good(await house.admin('POST', `/keys/${revoked.id}/revoke`))
  for (let count = 0; count < 10; count++) refusal(await sign(revoked.secret), 401, 'unauthorized', 'not valid')
  refusal(await sign(unknown), 429, 'rate_limited')
  refusal(await sign(revoked.secret), 429, 'rate_limited')
  await signIn(house, secret)
  await signIn(house, adminKey)
})

test('an ended session counts as no failed sign-in', async (t) => {
  const house = await openTestHouse(t)
  const { ask } = await signIn(house, adminKey)
  await ask('DELETE', '/dashboard/session')
  for (let count = 0; count < 25; count++) refusal(await ask('GET', '/admin/v1/books'), 401, 'unauthorized', 'ended')
  refusal(await house.client.json('POST', '/dashboard/session', { key: 'wrong' }), 401, 'unauthorized')
})

test('operators sign in from allowed addresses only, and the addresses of a key hold for its session', async (t) => {
  const house = await openTestHouse(t, { ADMIN_ALLOW_IPS: '203.0.113.0/24', TRUST_PROXY: '127.0.0.1' })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  const sign = (key: string, address: string) => house.client.json('POST', '/dashboard/session', { key }, from(address))
  refusal(await sign(adminKey, '198.51.100.7'), 403, 'forbidden', 'address')
  const reply = await sign(adminKey, '203.0.113.7')
  const headers = { cookie: cookieSetBy(reply), 'x-tollgate-csrf': String(good(reply, 201)['csrf']) }
  const books = (address: string) =>
    house.client.json('GET', '/admin/v1/books', undefined, { ...headers, ...from(address) })
  good(await books('203.0.113.8'))
  refusal(await books('198.51.100.7'), 403, 'forbidden', 'address')
  const { secret } = await house.key(await house.account(0), { allowIps: ['192.0.2.0/24'] })
  refusal(await sign(secret, '198.51.100.7'), 403, 'forbidden', 'address')
  good(await sign(secret, '192.0.2.9'), 201)
})

test('what is no key, and what is no JSON, is refused', async (t) => {
  const house = await openTestHouse(t)
  const send = (body: unknown, headers = {}) => house.client.json('POST', '/dashboard/session', body, headers)
  refusal(await send({}), 400, 'bad_request', 'key: is required')
  refusal(await send({ key: 7 }), 400, 'bad_request', 'key')
  refusal(await send({ key: '' }), 401, 'unauthorized')
  refusal(await send({ key: adminKey, more: 1 }), 400, 'bad_request', 'more: is not known here')
  refusal(await send({ key: 'x'.repeat(1001) }), 400, 'bad_request', 'key')
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  refusal(await send({ key: adminKey }, form), 415, 'unsupported_media_type')
  refusal(await send({ key: adminKey }, { 'content-type': 'text/plain' }), 415, 'unsupported_media_type')
})
