import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, dataOf, good, openSelling, refusal } from '../support/admin.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

const core = {
  ...{ id: 'stable-image-core', upstream: 'stability', method: 'POST' },
  paths: ['/sd/v2beta/stable-image/generate/core', '/v2beta/stable-image/generate/core'],
  ...{ enabled: true, credits: 3, price_version: 1 },
}
const path = '/offers/stable-image-core'

test('the offers are listed with their present prices', async (t) => {
  const house = await openTestHouse(t)
  assert.deepEqual(good(await house.admin('GET', '/offers')), { data: [core], next_cursor: null })
  const shown = await house.admin('GET', path)
  assert.deepEqual(good(shown), core)
  assert.equal(shown.headers['etag'], '"1"')
  refusal(await house.admin('GET', '/offers/nothing'), 404, 'not_found')
  refusal(await house.admin('PATCH', '/offers/nothing', { credits: 1, reason: 'x' }), 404, 'not_found')
})

test('a new price is a new version that later calls are held at, and older calls keep theirs', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(20))
  const before = await house.client.call(secret, { prompt: 'x' })
  const changed = await house.admin('PATCH', path, { credits: 4.25, reason: 'a margin' })
  assert.deepEqual(good(changed), { ...core, credits: 4.25, price_version: 2 })
  assert.equal(changed.headers['etag'], '"2"')
  const after = await house.client.call(secret, { prompt: 'x' })
  assert.deepEqual(
    [before, after].map(({ headers }) => headers['x-credits-charged']),
    ['3', '4.25'],
  )
  const calls = dataOf(await house.admin('GET', '/calls'))
  assert.deepEqual(
    calls.map(({ price, credits, price_version: version }) => [price, credits, version]),
    [
      [4.25, 4.25, 2],
      [3, 3, 1],
    ],
  )
  const versions = await house.store.read('SELECT version, credits, reason FROM prices ORDER BY version')
  assert.deepEqual(
    versions.map(({ version, credits }) => [version, credits]),
    [
      [1, 3_000_000],
      [2, 4_250_000],
    ],
  )
  await house.balanced()
})

test('a price outlives the process', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  good(await house.admin('PATCH', path, { credits: 5, reason: 'x' }))
  const { openCatalog } = await import('../../src/catalog/catalog.ts')
  const again = await openCatalog(house.store)
  assert.deepEqual(again.priceOf('stable-image-core'), { version: 2, credits: 5_000_000, enabled: true })
  assert.deepEqual(
    again.offers.map(({ price, priceVersion }) => [price, priceVersion]),
    [[5_000_000, 2]],
  )
})

test('a price that cannot be is refused', async (t) => {
  const house = await openTestHouse(t)
  const rows = await auditRows(house)
  const wrong: [unknown, string][] = [
    [{ credits: 3 }, 'reason: is required'],
    [{ reason: 'x' }, 'credits: '],
    [{ credits: 0, reason: 'x' }, 'credits: must be above 0'],
    [{ credits: -1, reason: 'x' }, 'credits: must be above 0'],
    [{ credits: '3', reason: 'x' }, 'credits: must be number'],
    [{ credits: 0.0000001, reason: 'x' }, 'credits: '],
    [{ enabled: 'yes', reason: 'x' }, 'enabled: must be boolean'],
    [{ enabled: false, reason: 'x', price_version: 7 }, 'price_version: is not known here'],
  ]
  for (const [body, about] of wrong) refusal(await house.admin('PATCH', path, body), 400, 'bad_request', about)
  assert.equal(await auditRows(house), rows)
  assert.deepEqual(good(await house.admin('GET', path)), core)
})

test('of two operators who change a price at once one is told', async (t) => {
  const house = await openTestHouse(t)
  const stale = await house.admin('PATCH', path, { credits: 4, reason: 'x' }, { 'if-match': '"7"' })
  refusal(stale, 412, 'precondition_failed')
  good(await house.admin('PATCH', path, { credits: 4, reason: 'x' }, { 'if-match': '"1"' }))
  refusal(
    await house.admin('PATCH', path, { credits: 5, reason: 'x' }, { 'if-match': '"1"' }),
    412,
    'precondition_failed',
  )
  const rows = await auditRows(house)
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) => house.admin('PATCH', path, { credits: 10 + index, reason: 'x' })),
  )
  const won = replies.filter(({ status }) => status === 200).length
  for (const reply of replies) if (reply.status !== 200) refusal(reply, 409, 'conflict')
  assert.equal(good(await house.admin('GET', path))['price_version'], 2 + won)
  assert.equal(await auditRows(house), rows + won)
})

test('what is not for sale is told so in the list', async (t) => {
  const house = await openTestHouse(t)
  assert.deepEqual(good(await house.admin('PATCH', path, { enabled: false, reason: 'pause' })), {
    ...core,
    enabled: false,
    price_version: 2,
  })
  assert.deepEqual(good(await house.admin('PATCH', path, { enabled: true, reason: 'on' })), {
    ...core,
    price_version: 3,
  })
})
