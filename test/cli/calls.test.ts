import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, unknownIds } from '../support/admin.ts'
import { openDesk } from './desk.ts'

test('a call is shown with the steps that say why it was charged, and refunded once', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const account = await house.account(10)
  const key = await house.key(account)
  const reply = await house.client.call(key.secret, { prompt: 'x' })
  const id = String(reply.headers['x-request-id'])
  const shown = await run('calls', 'show', id)
  assert.match(shown.stdout, /^3 credits were charged\.\n/)
  assert.match(shown.stdout, /^outcome +succeeded/m)
  const steps = ['accepted', 'priced', 'held', 'attempt', 'judged', 'settled']
  const step = /^(?:20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ| {20}) {2}([a-z]+) +[A-Z0-9].*\.$/gm
  assert.deepEqual(
    [...shown.stdout.matchAll(step)].map(([, event]) => event),
    steps,
  )
  assert.deepEqual((await run('calls', 'show', id, '--json')).json(), good(await house.admin('GET', `/calls/${id}`)))
  const given = await run('calls', 'refund', id, '--reason', 'wrong picture', '--json')
  assert.deepEqual([given.json()['kind'], given.json()['credits'], given.json()['call_id']], ['refund', 3, id])
  assert.equal(await refused(1, ['calls', 'refund', id, '--reason', 'again']), 'The call has been refunded before.\n')
  const after = await run('calls', 'show', id)
  assert.match(after.stdout, /^3 credits were charged and given back\.\n/)
  assert.match(after.stdout, /refunded {2}3 credits were given back: wrong picture\.$/m)
  assert.equal((await house.balanceOf(account)).available, 10_000_000)
  await house.balanced()
})

test('a call that failed says that nothing was charged, and cannot be refunded', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const { secret } = await house.key(await house.account(10))
  const id = String((await house.client.call(secret, { prompt: 'mode:server-error' })).headers['x-request-id'])
  const shown = await run('calls', 'show', id)
  assert.match(shown.stdout, /^Nothing was charged\.\n/)
  assert.match(shown.stdout, /released +Nothing was charged; the hold was released\.$/m)
  assert.notEqual(await refused(1, ['calls', 'refund', id, '--reason', 'x']), '')
  await house.balanced()
})

test('calls are listed by account, key, offer, state and time', async (t) => {
  const { house, good: run } = await openDesk(t)
  const [first, second] = [await house.account(10), await house.account(10)]
  const [one, two] = [await house.key(first), await house.key(second)]
  const idOf = async (secret: string, prompt: string) =>
    String((await house.client.call(secret, { prompt })).headers['x-request-id'])
  const settled = await idOf(one.secret, 'x')
  const released = await idOf(two.secret, 'mode:server-error')
  const list = async (...words: string[]) => (await run('calls', 'list', '--json', ...words)).rows().map(({ id }) => id)
  assert.deepEqual(await list(), [released, settled])
  assert.deepEqual(await list('--account', first), [settled])
  assert.deepEqual(await list('--key', two.id), [released])
  assert.deepEqual(await list('--state', 'settled', '--offer', 'stable-image-core'), [settled])
  assert.deepEqual(await list('--to', '2020-01-01'), [])
  assert.deepEqual(await list('--from', '2020-01-01', '--limit', '1'), [released])
  const table = (await run('calls', 'list')).stdout
  assert.match(table, /^when +id +offer +mode +state +outcome +reason +credits +status +account\n/)
  assert.match(table, new RegExp(`${settled}  stable-image-core  live  settled +succeeded .* 3 +200 +${first}$`, 'm'))
  await house.balanced()
})

test('calls that are asked for wrongly are refused', async (t) => {
  const { refused } = await openDesk(t)
  assert.equal(await refused(1, ['calls', 'show', unknownIds.call]), 'There is no such call.\n')
  assert.equal(await refused(1, ['calls', 'refund', unknownIds.call, '--reason', 'x']), 'There is no such call.\n')
  assert.match(await refused(1, ['calls', 'list', '--from', 'today']), /^from: must be an RFC 3339 time/m)
  const wrong = [
    ['show'],
    ['show', 'x'],
    ['refund', unknownIds.call],
    ['list', '--state', 'paid'],
    ['list', '--limit', 'x'],
  ]
  for (const words of wrong) await refused(2, ['calls', ...words])
})
