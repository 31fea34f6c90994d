import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { crowd, strict } from '../support/fairness.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { checkRefusal, lineOf, shortTimes } from '../support/outcomes.ts'
import { opened } from '../support/stand-in-client.ts'

async function narrow(t: Parameters<typeof openTestHouse>[0], env: Record<string, string>) {
  const standIn = await opened(t)
  const house = await openTestHouse(
    t,
    behind(standIn, {
      ...shortTimes,
      UPSTREAM_HEADERS_TIMEOUT_MS: '8000',
      UPSTREAM_DEADLINE_MS: '9000',
      QUEUE_WAIT_MS: '30000',
      ...env,
    }),
  )
  return { standIn, house }
}

test("one account's hundred calls keep nobody else waiting, and the upstream is never asked too much", async (t) => {
  const { standIn, house } = await narrow(t, { UPSTREAM_PACE: '24/1s' })
  const { mode, state } = strict(30, 1000)
  standIn.mode(mode)
  const told = await crowd(house, { many: 100, everyMs: 250, forMs: 3000 })
  assert.deepEqual([told.served, told.others, state.refused], [100, [], 0])
  assert.ok(told.quietServed >= 8)
  // The loud account's last call waits for more than three seconds.
  assert.ok(told.longestMs < 2000, `${told.longestMs} ms`)
  await house.balanced()
})

test('nothing is held for those who wait, and who leaves the queue is never sent', async (t) => {
  const { standIn, house } = await narrow(t, { UPSTREAM_PACE: '1/2s' })
  const account = await house.account(6)
  const { secret } = await house.key(account)
  const first = house.client.call(secret, { prompt: 'first' })
  await standIn.waitFor(1)
  assert.equal((await first).status, 200)
  const leaver = new AbortController()
  const left = house.client.call(secret, { prompt: 'left' }, { signal: leaver.signal })
  await sleep(150)
  assert.deepEqual({ ...(await house.balanceOf(account)) }, { posted: 3_000_000, held: 0, available: 3_000_000 })
  leaver.abort()
  await assert.rejects(left)
  const next = await house.client.call(secret, { prompt: 'next' })
  assert.equal(next.status, 200)
  assert.equal(standIn.calls.length, 2)
  const line = house.lines.find((each) => each['reason'] === 'client_aborted_before_dispatch')
  assert.equal(line?.['outcome'], 'refused')
  await house.balanced()
})

test('who is short of credits is told so instead of waiting, and who would wait too long is told how long', async (t) => {
  const { house } = await narrow(t, { UPSTREAM_PACE: '1/4s', QUEUE_WAIT_MS: '3000' })
  const rich = await house.key(await house.account(100))
  const poor = await house.key(await house.account(1))
  assert.equal((await house.client.call(rich.secret, { prompt: 'first' })).status, 200)
  const refused = await house.client.call(poor.secret, { prompt: 'too dear' })
  assert.equal(refused.status, 402)
  assert.equal(refused.json()['name'], 'insufficient_credits')
  const busy = await house.client.call(rich.secret, { prompt: 'second' })
  assert.equal(busy.status, 503)
  assert.equal(busy.json()['name'], 'busy')
  assert.ok(Number(busy.headers['retry-after']) >= 3)
  assert.equal(busy.headers['x-credits-charged'], undefined)
  assert.equal((await lineOf(house, busy.headers['x-request-id'] ?? ''))['outcome'], 'refused')
  await house.balanced()
})

test('no more than so many wait, and those who wait in vain are told when a token cools for too long', async (t) => {
  const { standIn, house } = await narrow(t, { UPSTREAM_TOKEN_CONCURRENCY: '1', QUEUE_LIMIT: '2' })
  const { secret } = await house.key(await house.account(100))
  standIn.mode('rate-limited:600')
  standIn.holdAnswers()
  const first = house.client.call(secret, { prompt: 'first' })
  await standIn.waitFor(1)
  const waiting = ['second', 'third'].map((prompt) => house.client.call(secret, { prompt }))
  await sleep(300)
  assert.equal((await house.client.call(secret, { prompt: 'fourth' })).json()['name'], 'busy')
  standIn.letGo()
  for (const reply of await Promise.all([first, ...waiting])) {
    assert.deepEqual([reply.status, reply.json()['name']], [429, 'rate_limit_exceeded'])
    assert.ok(Number(reply.headers['retry-after']) > 500)
  }
  assert.equal(standIn.calls.length, 1)
  await house.balanced()
})

test('a token that cools only shortly is waited for', async (t) => {
  const { standIn, house } = await narrow(t, {})
  const { secret } = await house.key(await house.account(100))
  standIn.mode('rate-limited:1')
  assert.equal((await house.client.call(secret, { prompt: 'too soon' })).status, 429)
  standIn.mode('ok')
  assert.equal((await house.client.call(secret, { prompt: 'waits a second' })).status, 200)
  await house.balanced()
})

test('a house that closes refuses those who wait, and serves those who were sent', async (t) => {
  const { standIn, house } = await narrow(t, { UPSTREAM_TOKEN_CONCURRENCY: '1' })
  const { secret } = await house.key(await house.account(100))
  standIn.holdAnswers()
  const sent = house.client.call(secret, { prompt: 'sent' })
  await standIn.waitFor(1)
  const waits = house.client.call(secret, { prompt: 'waits' })
  await sleep(200)
  const closed = house.close(5000)
  const refused = await waits
  assert.equal(refused.status, 503)
  checkRefusal(refused, 'shutting_down')
  standIn.letGo()
  assert.equal((await sent).status, 200)
  assert.deepEqual(await closed, [])
})
