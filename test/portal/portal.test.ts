import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, good, openSelling, refusal } from '../support/admin.ts'
import type { Reply } from '../support/client.ts'
import { adminKey, openTestHouse } from '../support/house.ts'
import { managerOf, portalOf, portalRoutes } from '../support/portal.ts'

test('the portal has every address it promises', async (t) => {
  const house = await openTestHouse(t)
  const routes = (await portalRoutes(house)).map(({ method, url }) => `${method} ${url}`)
  const promised = [
    ...[
      'GET /me',
      'GET /offers',
      'GET /keys',
      'GET /calls',
      'GET /calls/:id',
      'GET /entries',
      'GET /usage',
      'GET /statement',
    ],
    ...['POST /keys', 'POST /keys/:id/rotate', 'POST /keys/:id/revoke'],
  ]
  for (const each of promised) assert.ok(routes.includes(each), each)
})

test('at every address a stranger is asked for a key, and each key does what its rights say', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const reader = portalOf(house, (await house.key(account, { rights: ['read'] })).secret)
  const manager = portalOf(house, (await house.key(account, { rights: ['manage'] })).secret)
  const buyer = portalOf(house, (await house.key(account, { rights: ['call'] })).secret)
  const rows = await auditRows(house)
  refusal(await portalOf(house, adminKey)('GET', '/me'), 401, 'unauthorized')
  for (const { method, url } of await portalRoutes(house)) {
    const path = url.replace(':id', 'nothing')
    const said = `${method} ${url}`
    refusal(await house.client.json(method, `/portal/v1${path}`), 401, 'unauthorized')
    refusal(await buyer(method, path), 403, 'forbidden', 'This key may not')
    const [may, mayNot] = method === 'GET' ? [reader, manager] : [manager, reader]
    refusal(await mayNot(method, path), 403, 'forbidden', 'This key may not')
    assert.ok([200, 400, 404].includes((await may(method, path)).status), said)
  }
  assert.equal(await auditRows(house), rows)
})

test('a key that is bound elsewhere, or of a suspended account, does not get in', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const distant = portalOf(house, (await house.key(account, { allowIps: ['203.0.113.0/24'] })).secret)
  refusal(await distant('GET', '/me'), 403, 'forbidden', 'address')
  const here = portalOf(house, (await house.key(account)).secret)
  good(await here('GET', '/me'))
  good(await house.admin('PATCH', `/accounts/${account}`, { status: 'suspended' }))
  refusal(await here('GET', '/me'), 403, 'account_suspended')
})

test('failed sign-ins at the portal count with all others, and a good key from there is let in', async (t) => {
  const house = await openTestHouse(t)
  const good_ = portalOf(house, (await house.key(await house.account(0))).secret)
  const wrong = portalOf(house, 'wrong')
  for (let count = 0; count < 20; count++) refusal(await wrong('GET', '/me'), 401, 'unauthorized')
  refusal(await wrong('GET', '/me'), 429, 'rate_limited')
  refusal(await house.admin('GET', '/books', undefined, { authorization: 'Bearer wrong' }), 429, 'rate_limited')
  good(await good_('GET', '/me'))
})

/** All that an answer tells, but for the id of the request and the time of day. */
function bytesOf({ status, headers, body }: Reply): string {
  const { 'x-request-id': id = '', date, ...rest } = headers
  assert.match(id, /^call_/)
  return JSON.stringify([status, rest]) + body.toString('latin1').replaceAll(id, 'call_'.padEnd(id.length, 'x'))
}

test("another account's id answers with the same bytes as one that never was and one that cannot be", async (t) => {
  const house = await openSelling(t)
  const [account, other] = [await house.account(10), await house.account(10)]
  const ask = portalOf(house, (await managerOf(house, account)).secret)
  const foreignKey = await managerOf(house, other)
  const call = await house.client.call(foreignKey.secret, { prompt: 'x' })
  const foreign: Readonly<Record<string, string>> = {
    keys: foreignKey.id,
    calls: String(call.headers['x-request-id']),
  }
  const routes = (await portalRoutes(house)).filter(({ url }) => url.includes(':id'))
  assert.ok(routes.length >= 4)
  const rows = await auditRows(house)
  for (const { method, url } of routes) {
    const noun = url.split('/')[1] ?? ''
    const id = foreign[noun] ?? ''
    const unknown = `${id.slice(0, id.indexOf('_') + 1)}00000000000000000000000000`
    const wrongKind = noun === 'keys' ? foreign['calls'] : foreign['keys']
    for (const body of method === 'GET' ? [undefined] : [undefined, {}, { grace_seconds: 5 }, { odd: 1 }, 'x']) {
      const answers: string[] = []
      for (const each of [id, unknown, wrongKind, id.toUpperCase(), 'x', '%00', "'--", 'é'.repeat(40)]) {
        const reply = await ask(method, url.replace(':id', encodeURI(String(each)).replace('%2500', '%00')), body)
        answers.push(bytesOf(reply))
        assert.ok([404, 400].includes(reply.status), `${method} ${url} ${each}`)
      }
      assert.equal(new Set(answers).size, 1, `${method} ${url} ${JSON.stringify(body)}\n${answers.join('\n')}`)
      if (body === undefined) assert.match(answers[0] ?? '', /^\[404,/)
    }
  }
  assert.equal(await auditRows(house), rows)
  good(await portalOf(house, foreignKey.secret)('GET', '/me'))
  await house.balanced()
})

test("lists and cursors never leave the account, whatever of another account's is asked for", async (t) => {
  const house = await openSelling(t)
  const [account, other] = [await house.account(10), await house.account(10)]
  const own = await managerOf(house, account)
  const foreign = await managerOf(house, other)
  for (const { secret } of [own, foreign, foreign]) await house.client.call(secret, { prompt: 'x' })
  const ask = portalOf(house, own.secret)
  const theirs = portalOf(house, foreign.secret)
  for (const list of ['/keys', '/calls', '/entries', '/usage?group_by=key']) {
    const join = list.includes('?') ? '&' : '?'
    const all = good(await ask('GET', list))
    assert.ok(!JSON.stringify(all).includes(foreign.id) && !JSON.stringify(all).includes(other), list)
    const cursor = good(await theirs('GET', `${list}${join}limit=1`))['next_cursor']
    if (typeof cursor !== 'string') continue
    const reply = await ask('GET', `${list}${join}cursor=${cursor}`)
    assert.ok(!reply.body.toString().includes(foreign.id) && !reply.body.toString().includes(other), list)
  }
  for (const query of [`key=${foreign.id}`, 'key=key_nothing']) {
    assert.deepEqual(good(await ask('GET', `/calls?${query}`)), { data: [], next_cursor: null })
  }
  for (const query of [`account=${other}`, 'account=x']) {
    for (const list of ['/keys', '/calls', '/entries', '/usage', '/statement']) {
      refusal(await ask('GET', `${list}?${query}`), 400, 'bad_request', 'account: is not known here')
    }
  }
  await house.balanced()
})
