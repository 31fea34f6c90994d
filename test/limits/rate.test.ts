import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openKeys } from '../../src/keys/keys.ts'
import { openWindows } from '../../src/limits/rate.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { dial, rawCall } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

test('an exhausted key stays exhausted after thousands of others have called', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), { RATE_LIMIT: '2/3600s' }))
  const account = await house.account(10)
  const exhausted = await house.key(account)
  const keys = openKeys(house.store, 0)
  const others = Array.from({ length: 9_999 }, (_, number) => keys.issuing(account, { name: `other ${number}` }))
  assert.equal((await house.store.write(others.flatMap(({ unit }) => unit))).refused, undefined)
  const raw = await dial(t, house.origin)
  const statuses = async (secrets: readonly string[]): Promise<number[]> => {
    // Refused behind the rate, so these cost little and are counted all the same.
    const wires = secrets.map((secret) => rawCall(secret, { accept: 'text/html' }, { body: Buffer.alloc(0) }).head)
    raw.send(wires.join(''))
    return Promise.all(secrets.map(async () => (await raw.reply()).status))
  }
  assert.deepEqual(await statuses(Array(3).fill(exhausted.secret)), [406, 406, 429])
  for (let from = 0; from < others.length; from += 100) {
    const some = others.slice(from, from + 100)
    assert.deepEqual(new Set(await statuses(some.map(({ secret }) => secret))), new Set([406]))
  }
  assert.deepEqual(await statuses([exhausted.secret]), [429])
})

test('the rate of an account binds all its keys together, per mode, and says whose it is', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const account = await house.account(100)
  const unit = { sql: 'UPDATE accounts SET rate_calls = 3, rate_window_seconds = 60 WHERE id = $1', params: [account] }
  await house.store.write([unit])
  const [one, other] = [await house.key(account), await house.key(account, { rate: { calls: 100, windowSeconds: 60 } })]
  const test = await house.key(account, { mode: 'test' })
  const stranger = await house.key(await house.account(3))
  const statuses: number[] = []
  for (const { secret } of [one, other, one]) statuses.push((await house.client.call(secret, { prompt: 'x' })).status)
  assert.deepEqual(statuses, [200, 200, 200])
  for (const { secret } of [one, other]) {
    const reply = await house.client.call(secret, { prompt: 'x' })
    const { name, errors, details } = reply.json() as { name: string; errors: string[]; details: { limit: number } }
    assert.deepEqual([reply.status, name, details.limit], [429, 'rate_limited', 3])
    assert.match(errors[0] ?? '', /^This account may make 3 calls in 60 seconds; the next is allowed in \d+ seconds\.$/)
    assert.deepEqual([reply.headers['ratelimit-limit'], reply.headers['ratelimit-remaining']], ['3', '0'])
    assert.equal(reply.headers['retry-after'], reply.headers['ratelimit-reset'])
  }
  for (const { secret } of [test, stranger]) {
    assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  }
  await house.balanced()
})

test('a changed rate counts from the next call on', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { id, secret } = await house.key(await house.account(10), { rate: { calls: 1, windowSeconds: 3600 } })
  const call = async () => (await house.client.call(secret, { prompt: ' ' })).status
  assert.deepEqual([await call(), await call()], [400, 429])
  const changed = await house.admin('PATCH', `/keys/${id}`, { rate: { calls: 4, window_seconds: 3600 } })
  assert.equal(changed.status, 200, changed.body.toString())
  // The refused one counted too.
  assert.deepEqual([await call(), await call(), await call()], [400, 400, 429])
})

test('a look tells what is counted of the window that runs, and counts nothing', () => {
  let nowMs = 0
  const windows = openWindows(() => nowMs)
  assert.deepEqual(windows.look('key_a', 1000), { calls: 0, leftMs: 0 })
  windows.count('key_a', 1000)
  windows.count('key_a', 1000)
  nowMs = 400
  assert.deepEqual(windows.look('key_a', 1000), { calls: 2, leftMs: 600 })
  assert.deepEqual(windows.look('key_a', 1000), { calls: 2, leftMs: 600 })
  nowMs = 1000
  assert.deepEqual(windows.look('key_a', 1000), { calls: 0, leftMs: 0 })
})
