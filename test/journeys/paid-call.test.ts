import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

test('a success costs exactly three credits and says so', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'image/png')
  assert.equal(reply.headers['x-credits-charged'], '3')
  assert.equal(reply.headers['x-credits-available'], '7')
  await house.balanced()
})

test('a thousand parallel calls with credit for 37 give exactly 37 successes', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(37 * 3)
  const { secret } = await house.key(account)
  const replies = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => house.client.call(secret, { prompt: `number ${index}` })),
  )
  const count = (status: number) => replies.filter((reply) => reply.status === status).length
  assert.deepEqual([count(200), count(402)], [37, 963])
  assert.equal((await house.balanceOf(account)).available, 0)
  assert.equal(standIn.calls.length, 37)
  await house.balanced()
})
