import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, post, refusal } from '../support/admin.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

test('a house at rest says so, and that it has no token', async (t) => {
  const house = await openTestHouse(t)
  await house.account(12.5)
  const { version, books, ...rest } = good(await house.admin('GET', '/overview'))
  assert.match(String(version), /^\d+\.\d+\.\d+/)
  const queue = { waiting: 0, lanes: 0, oldest_wait_ms: 0 }
  const money = { sold: '12.5', upstream_credits: null, oversold: null }
  assert.deepEqual(rest, { sandbox: true, in_flight: 0, queue, open_holds: 0, oldest_hold_at: null, ...money })
  let proved = books
  while (proved === null) proved = good(await house.admin('GET', '/overview'))['books']
  const { proved_at: at, ...found } = proved as Record<string, unknown>
  assert.deepEqual(found, { balanced: true, imbalance: '0' })
  assert.match(String(at), /Z$/)
})

test('a call at the upstream is seen while it runs, by viewers too', async (t) => {
  const house = await openTestHouse(
    t,
    behind(await opened(t), { UPSTREAM_CONNECT_TIMEOUT_MS: '3000', UPSTREAM_HEADERS_TIMEOUT_MS: '4000' }),
  )
  const { secret } = await house.key(await house.account(10))
  const viewer = await post(house, '/operators', { name: 'Vic', role: 'viewer' })
  const asViewer = { authorization: `Bearer ${String(viewer['secret'])}` }
  const look = async () => good(await house.admin('GET', '/overview', undefined, asViewer))
  const begun = Date.now()
  const call = house.client.call(secret, { prompt: 'mode:never' })
  let seen = await look()
  while (seen['open_holds'] === 0 || seen['in_flight'] === 0) seen = await look()
  assert.deepEqual([seen['sandbox'], seen['open_holds']], [false, 1])
  const since = Date.parse(String(seen['oldest_hold_at']))
  assert.ok(since >= begun && since <= Date.now(), String(seen['oldest_hold_at']))
  assert.equal((await call).status, 504)
  await house.balanced()
})

test('what is not known here is refused', async (t) => {
  const house = await openTestHouse(t)
  refusal(await house.admin('GET', '/overview?x=1'), 400, 'bad_request', 'x: ')
})
