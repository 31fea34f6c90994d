import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse } from '../support/house.ts'
import { checkOwnHeaders, checkRefusal, shortTimes } from '../support/outcomes.ts'
import { opened } from '../support/stand-in-client.ts'

test('no redirect is followed, so no token travels to where it points', async (t) => {
  const standIn = await opened(t)
  const elsewhere = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  const modes = ['redirect', ...[300, 301, 302, 303, 305, 307, 308].map((status) => `status-${status}`)]
  for (const mode of modes) {
    for (const target of [`${elsewhere.origin}/picked-up`, '/elsewhere', `//127.0.0.1:${elsewhere.port}/x`]) {
      const reply = await house.client.call(secret, { prompt: `mode:${mode}:${target}` })
      assert.equal(reply.status, 502, mode)
      checkRefusal(reply, 'upstream_error')
      checkOwnHeaders(reply.headers)
      assert.ok(!reply.body.includes('elsewhere') && !reply.body.includes(String(elsewhere.port)))
    }
  }
  assert.equal(elsewhere.connections, 0)
  assert.equal(standIn.calls.length, 3 * modes.length)
  await house.balanced()
})
