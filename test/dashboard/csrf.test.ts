import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { auditRows, good, refusal } from '../support/admin.ts'
import { corePath } from '../support/client.ts'
import { adminKey, openTestHouse } from '../support/house.ts'
import { play, signIn } from '../support/signed-in.ts'

async function opened(t: TestContext) {
  const house = await openTestHouse(t)
  const key = await house.key(await house.account(10), { mode: 'test', rights: ['call', 'read', 'manage'] })
  return { house, key, operator: await signIn(house, adminKey), holder: await signIn(house, key.secret) }
}

test('a cookie alone opens nothing, whether it would change or only read', async (t) => {
  const { house, operator, holder } = await opened(t)
  const rows = await auditRows(house)
  const wrong = ['', 'x', operator.csrf.slice(1), operator.csrf.toUpperCase().replace('A', 'B'), 'é'.repeat(64)]
  for (const csrf of [undefined, ...wrong, `${holder.csrf}`]) {
    const headers = { cookie: operator.cookie, ...(csrf === undefined ? {} : { 'x-tollgate-csrf': encodeURI(csrf) }) }
    const send = (method: string, path: string, body?: unknown) => house.client.json(method, path, body, headers)
    refusal(await send('GET', '/admin/v1/accounts'), 403, 'forbidden', 'x-tollgate-csrf')
    refusal(await send('POST', '/admin/v1/accounts', { name: 'forged' }), 403, 'forbidden', 'x-tollgate-csrf')
    refusal(await send('DELETE', '/dashboard/session'), 403, 'forbidden', 'x-tollgate-csrf')
  }
  const ofHolder = { cookie: holder.cookie, 'x-tollgate-csrf': operator.csrf }
  for (const path of ['/portal/v1/me', '/portal/v1/keys', '/portal/v1/entries']) {
    refusal(await house.client.json('GET', path, undefined, ofHolder), 403, 'forbidden', 'x-tollgate-csrf')
  }
  assert.equal((await play(house, { prompt: 'x' }, ofHolder)).status, 403)
  assert.equal(await auditRows(house), rows)
  good(await operator.ask('GET', '/admin/v1/accounts'))
  good(await holder.ask('GET', '/portal/v1/me'))
  await house.balanced()
})

test('a request that another site had the browser send is refused with all that it would need', async (t) => {
  const { house, operator, holder } = await opened(t)
  for (const site of ['cross-site', 'same-site', 'elsewhere']) {
    const from = { 'sec-fetch-site': site }
    refusal(await operator.ask('GET', '/admin/v1/accounts', undefined, from), 403, 'forbidden', 'other sites')
    refusal(await operator.ask('GET', '/dashboard/session', undefined, from), 403, 'forbidden', 'other sites')
    refusal(await operator.ask('DELETE', '/dashboard/session', undefined, from), 403, 'forbidden', 'other sites')
    refusal(await holder.ask('GET', '/portal/v1/me', undefined, from), 403, 'forbidden', 'other sites')
    assert.equal((await play(house, { prompt: 'x' }, { ...holder.headers, ...from })).status, 403)
    const signing = await house.client.json('POST', '/dashboard/session', { key: adminKey }, from)
    refusal(signing, 403, 'forbidden', 'other sites')
  }
  good(await operator.ask('GET', '/admin/v1/accounts', undefined, { 'sec-fetch-site': 'none' }))
})

test('the value for the header is told to nobody without the cookie, and no other origin may read it', async (t) => {
  const { house, operator } = await opened(t)
  const look = (headers: Record<string, string>) => house.client.json('GET', '/dashboard/session', undefined, headers)
  refusal(await look({ 'x-tollgate-csrf': operator.csrf }), 401, 'unauthorized')
  const reply = await look({ cookie: operator.cookie, origin: 'https://elsewhere.example' })
  const allowing = Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))
  assert.deepEqual(allowing, [])
  assert.equal(reply.headers['cache-control'], 'no-store')
})

test('two sessions in one cookie header are none, since nobody knows whose they are', async (t) => {
  const { house, operator } = await opened(t)
  const second = await signIn(house, adminKey)
  const cookie = `${operator.cookie}; ${second.cookie}`
  for (const csrf of [operator.csrf, second.csrf]) {
    const headers = { cookie, 'x-tollgate-csrf': csrf }
    refusal(await house.client.json('GET', '/admin/v1/books', undefined, headers), 401, 'unauthorized')
  }
  const beside = `a=1; ${operator.cookie};b=tollgate_session=x; xtollgate_session=${'0'.repeat(43)}`
  good(await operator.ask('GET', '/admin/v1/books', undefined, { cookie: beside }))
})

test('a request with a key as well as a cookie is one with a key', async (t) => {
  const { house, key, operator, holder } = await opened(t)
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
  const { cookie } = holder
  good(await house.client.json('GET', '/portal/v1/me', undefined, { cookie, ...bearer(key.secret) }))
  good(await house.client.json('GET', '/portal/v1/me', undefined, { cookie, 'x-api-key': key.secret }))
  refusal(await holder.ask('GET', '/portal/v1/me', undefined, bearer('tg_live_wrong')), 401, 'unauthorized')
  refusal(await operator.ask('GET', '/admin/v1/books', undefined, bearer('wrong')), 401, 'unauthorized')
  const forged = { cookie: operator.cookie, 'sec-fetch-site': 'cross-site', ...bearer(adminKey) }
  good(await house.client.json('GET', '/admin/v1/books', undefined, forged))
})

test('a session pays for nothing at the paths that are sold, whatever is sent with it', async (t) => {
  const { house, holder } = await opened(t)
  for (const path of [corePath, corePath.replace('/sd', ''), '/sd/v1/user/balance']) {
    const method = path.includes('balance') ? 'GET' : 'POST'
    const reply = await house.client.send(method, path, { ...holder.headers, accept: 'image/*' })
    assert.deepEqual([reply.status, reply.json()['name']], [401, 'unauthorized'], path)
  }
  await house.balanced()
})
