import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credits } from '../../src/credits.ts'
import { dayMs, dayOf, dayText } from '../../src/times.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { dataOf, good } from '../support/admin.ts'
import { openDesk } from './desk.ts'

test('a day that adds up ends with 0, one that does not with 1, a sentence and the calls', async (t) => {
  const { house, good: run, tollgate, refused } = await openDesk(t)
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const id = String(token?.['id'])
  const read = (count: number, atMs = Date.now()) =>
    house.store.write([keeping(id, { atMs, askedAtMs: atMs, credits: (count * 1_000_000) as Credits })])
  const { secret } = await house.key(await house.account(10))
  const today = ['--day', dayText(dayOf(Date.now()))]
  await read(20)
  await house.client.call(secret, { prompt: 'x' })
  await read(17)
  const even = await run('reconcile', ...today)
  assert.match(even.stdout, /^token +from +to +fall +topped up +settled +as sold +may bill +unexplained +finding\n/)
  assert.match(even.stdout, new RegExp(`^${id}  20.*Z +3 +0 +3 +3 +0 +0  even$`, 'm'))
  assert.match(
    even.stdout,
    new RegExp(`^${today[1]}, ${id}: The balance fell by what the successful calls cost\\.$`, 'm'),
  )
  const lost = await house.client.call(secret, { prompt: 'mode:reset-before-headers-billed' })
  await read(14)
  const odd = await tollgate(['reconcile', ...today])
  assert.deepEqual([odd.code, odd.stderr], [1, ''])
  const callId = lost.headers['x-request-id']
  assert.ok(odd.stdout.includes(`: The upstream billed the call ${callId}, which nobody paid for.\n`))
  assert.match(odd.stdout, new RegExp(`^20.*Z  ${callId}  may_bill  released  unknown +\\w+ +3$`, 'm'))
  const told = await tollgate(['reconcile', ...today, '--json'])
  assert.equal(told.code, 1)
  assert.deepEqual(told.json(), good(await house.admin('GET', `/reconcile?day=${today[1]}`)))
  // Of yesterday nothing was read, so nothing can be wrong with it.
  assert.match((await run('reconcile')).stdout, /unknown/)
  const tomorrow = dayText(dayOf(Date.now() + dayMs))
  assert.match(await refused(1, ['reconcile', '--day', tomorrow]), /^day: has not begun yet$/m)
  assert.match(await refused(1, ['reconcile', '--day', '2026-02-30']), /^day: there is no such day$/m)
  for (const words of [['--day', 'yesterday'], ['--day'], ['x']]) await refused(2, ['reconcile', ...words])
  await house.balanced()
})

test('tokens and books show what is left at the upstream', async (t) => {
  const { house, good: run } = await openDesk(t)
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  await house.account(7)
  const atMs = Date.UTC(2026, 10, 22, 14, 3, 11)
  await house.store.write([keeping(String(token?.['id']), { atMs, askedAtMs: atMs, credits: 4_500_000 as Credits })])
  assert.match((await run('tokens', 'list')).stdout, /^tok_.* active .* 1 +0 +4\.5 {2}2026-11-22 14:03:11Z$/m)
  assert.match((await run('books')).stdout, /^Sold: 7 credits; left at the upstream: 4\.5: 2\.5 are oversold\.$/m)
})
