import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { type AdminRooms, admin } from '../../src/admin/admin.ts'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openFailures } from '../../src/limits/failures.ts'
import { openOperators } from '../../src/operators/operators.ts'
import { openDeliveries } from '../../src/webhooks/deliveries.ts'
import { openWebhooks } from '../../src/webhooks/webhooks.ts'
import { auditRows, post, refusal } from '../support/admin.ts'
import { openTestHouse, type TestHouse } from '../support/house.ts'

type Route = { readonly method: string; readonly url: string }

const noQueue = { waiting: 0, lanes: 0, oldestWaitMs: 0 }

/** Every route the admin door has. */
async function routesOf({ store }: TestHouse): Promise<readonly Route[]> {
  const routes: Route[] = []
  const app = Fastify()
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') routes.push({ method: each, url })
  })
  const rooms: AdminRooms = {
    ...{ store, accounts: openAccounts(store), keys: openKeys(store, 0), ledger: openLedger(store, 'nobody') },
    ...{ operators: openOperators(store, undefined), catalog: await openCatalog(store), failures: openFailures() },
    upstream: { name: 'none', tokens: () => [], resume: () => false, queue: () => noQueue },
    ...{ adminAllowIps: undefined, settingsTold: [], proof: () => undefined },
    ...{ webhooks: openWebhooks(store, false), deliveries: openDeliveries(store) },
  }
  await app.register(admin, rooms)
  await app.ready()
  await app.close()
  return routes
}

test('the admin door has every address it promises', async (t) => {
  const house = await openTestHouse(t)
  const routes = new Set((await routesOf(house)).map(({ method, url }) => `${method} ${url}`))
  const promised = [
    ...['POST /accounts', 'GET /accounts', 'GET /accounts/:id', 'PATCH /accounts/:id', 'POST /accounts/:id/grants'],
    ...['GET /accounts/:id/entries', 'GET /accounts/:id/statement', 'POST /accounts/:id/keys', 'GET /keys'],
    ...['GET /keys/:id', 'PATCH /keys/:id', 'POST /keys/:id/rotate', 'POST /keys/:id/revoke', 'GET /calls'],
    ...['GET /calls/:id', 'POST /calls/:id/refund', 'GET /usage', 'GET /offers', 'PATCH /offers/:id', 'GET /tokens'],
    ...['POST /tokens/:id/resume', 'GET /audit', 'GET /books', 'POST /operators', 'GET /operators'],
    ...['DELETE /operators/:id', 'POST /webhooks', 'GET /webhooks', 'GET /webhooks/:id', 'PATCH /webhooks/:id'],
    ...['DELETE /webhooks/:id', 'POST /webhooks/:id/test', 'GET /webhooks/:id/deliveries'],
    ...['GET /overview', 'GET /settings', 'GET /reconcile', 'GET /offers/:id', 'GET /operators/:id'],
  ]
  for (const each of promised) assert.ok(routes.has(each), each)
})

test('at every address strangers are asked for a key, viewers change nothing, and admins are let in', async (t) => {
  const house = await openTestHouse(t)
  const viewer = (await post(house, '/operators', { name: 'Vic', role: 'viewer' }))['secret']
  const chief = (await post(house, '/operators', { name: 'Sam', role: 'admin' }))['secret']
  const { secret } = await house.key(await house.account(0), { rights: ['call', 'read', 'manage'] })
  const routes = await routesOf(house)
  const rows = await auditRows(house)
  assert.ok(routes.length >= 26)
  for (const { method, url } of routes) {
    const path = url.replace(':id', 'nothing')
    const ask = (key: unknown) => house.admin(method, path, undefined, { authorization: `Bearer ${String(key)}` })
    const said = `${method} ${url}`
    const looked = await ask(viewer)
    if (method === 'GET') assert.ok([200, 404].includes(looked.status), said)
    else refusal(looked, 403, 'forbidden')
    const let_in = await ask(chief)
    assert.ok([200, 400, 404].includes(let_in.status), `${said}: ${let_in.status}`)
  }
  for (const { method, url } of routes.slice(0, 9)) {
    const path = url.replace(':id', 'nothing')
    refusal(await house.admin(method, path, undefined, { authorization: `Bearer ${secret}` }), 401, 'unauthorized')
    refusal(await house.admin(method, path, undefined, { authorization: '' }), 401, 'unauthorized')
  }
  assert.equal(await auditRows(house), rows)
})

test('from an address with many failed sign-ins a good key is let in as ever', async (t) => {
  const house = await openTestHouse(t)
  const ask = (key: string) => house.admin('GET', '/accounts', undefined, { authorization: `Bearer ${key}` })
  for (let count = 0; count < 20; count++) refusal(await ask('wrong'), 401, 'unauthorized')
  refusal(await ask('wrong'), 429, 'rate_limited')
  assert.equal((await house.admin('GET', '/accounts')).status, 200)
})

test('only addresses on the list may come in', async (t) => {
  const house = await openTestHouse(t, { ADMIN_ALLOW_IPS: '10.0.0.0/8' })
  refusal(await house.admin('GET', '/accounts'), 403, 'forbidden', 'address')
})
