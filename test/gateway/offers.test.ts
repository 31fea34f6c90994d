import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

test('an offer the operator has closed is sold to nobody, and again once it is open', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const set = (enabled: boolean) => house.admin('PATCH', '/offers/stable-image-core', { enabled, reason: 'a test' })
  assert.equal((await set(false)).status, 200)
  const refused = await house.client.call(secret, { prompt: 'x' })
  assert.deepEqual([refused.status, refused.json()['name']], [404, 'not_found'])
  assert.equal(standIn.calls.length, 0)
  assert.equal((await set(true)).status, 200)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('a new price holds for later calls and is named by its version on each', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  standIn.holdAnswers()
  const before = house.client.call(secret, { prompt: 'before' })
  await standIn.waitFor(1)
  await house.admin('PATCH', '/offers/stable-image-core', { credits: 4.25, reason: 'a margin' })
  standIn.letGo()
  const after = await house.client.call(secret, { prompt: 'after' })
  assert.deepEqual([(await before).headers['x-credits-charged'], after.headers['x-credits-charged']], ['3', '4.25'])
  assert.equal(after.headers['x-credits-available'], '2.75')
  const rows = await house.store.read('SELECT price, price_version FROM calls ORDER BY id')
  assert.deepEqual(
    rows.map((row) => [row['price'], row['price_version']]),
    [
      [3_000_000, 1],
      [4_250_000, 2],
    ],
  )
  await house.balanced()
})
