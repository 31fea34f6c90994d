import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse } from '../support/house.ts'
import { checkRefusal, shortTimes } from '../support/outcomes.ts'
import { opened } from '../support/stand-in-client.ts'

const past = 'Wed, 21 Oct 2015 07:28:00 GMT'
const farOff = 'Fri, 31 Dec 2999 23:59:59 GMT'

/** What the upstream says, and what the caller reads. */
const waits: Readonly<Record<string, string>> = {
  '1': '1',
  '0': '1',
  '17': '17',
  '3600': '3600',
  '3601': '3600',
  '99999999999999999999': '3600',
  '-1': '60',
  '1.5': '60',
  '0x10': '60',
  '1e3': '60',
  soon: '60',
  'in 2030': '60',
  '2030': '2030',
  [past]: '60',
  [farOff]: '3600',
  'Friday, 31-Dec-49 23:59:59 GMT': '3600',
  'Fri Dec 31 23:59:59 2999': '3600',
  '2999-12-31T23:59:59Z': '60',
  'Fri, 31 Dec 2999 23:59:59': '60',
}

test('how long to wait reaches the caller as whole seconds from 1 to 3600, and is 60 where it cannot be read', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  for (const mode of ['unavailable', 'status-529'] as const) {
    for (const [said, read] of Object.entries(waits)) {
      await t.test(`${mode}, ${said}: ${read}`, async () => {
        standIn.mode(`${mode}:${said}`)
        const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
        assert.equal(reply.status, 503)
        checkRefusal(reply, 'upstream_unavailable')
        assert.equal(reply.headers['retry-after'], read)
      })
    }
  }
  await house.balanced()
})

test('a date is read as the seconds until then', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  standIn.mode(`unavailable:${new Date(Date.now() + 1000_000).toUTCString()}`)
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  const seconds = Number(reply.headers['retry-after'])
  assert.ok(seconds > 900 && seconds <= 1000, String(seconds))
  await house.balanced()
})

test('a status that asks nobody to wait passes no retry-after on', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  for (const mode of ['bad-request', 'moderation', 'server-error', 'status-502', 'status-408'] as const) {
    standIn.mode(`${mode}:30`)
    const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
    assert.notEqual(reply.status, 200)
    assert.equal(reply.headers['retry-after'], undefined, mode)
  }
  await house.balanced()
})
