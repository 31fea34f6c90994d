import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataOf, good } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'
import { portalOf } from '../support/portal.ts'

const core = {
  id: 'stable-image-core',
  method: 'POST',
  paths: ['/sd/v2beta/stable-image/generate/core', '/v2beta/stable-image/generate/core'],
}

test('a key is told what it may buy, and what it costs at present', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const ask = portalOf(house, (await house.key(account)).secret)
  assert.deepEqual(dataOf(await ask('GET', '/offers')), [{ ...core, credits: 3, price_version: 1 }])
  good(await house.admin('PATCH', `/offers/${core.id}`, { credits: 3.5, reason: 'dearer' }))
  assert.deepEqual(dataOf(await ask('GET', '/offers')), [{ ...core, credits: 3.5, price_version: 2 }])
})

test('what is not for sale, or not for this key, is not told', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const bound = portalOf(house, (await house.key(account, { offers: ['another-offer'] })).secret)
  assert.deepEqual(dataOf(await bound('GET', '/offers')), [])
  const free = portalOf(house, (await house.key(account)).secret)
  good(await house.admin('PATCH', `/offers/${core.id}`, { enabled: false, reason: 'sold out' }))
  assert.deepEqual(dataOf(await free('GET', '/offers')), [])
})
