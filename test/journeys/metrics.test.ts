import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Exposition, readExposition } from '../support/exposition.ts'
import { behind, masterToken, openTestHouse, type TestHouse } from '../support/house.ts'
import { load } from '../support/loaded.ts'
import { checkout } from '../support/process.ts'
import { openRedisServer, withRedis } from '../support/redis.ts'
import { opened } from '../support/stand-in-client.ts'

async function scrape(house: TestHouse): Promise<Exposition> {
  const reply = await house.client.send('GET', '/metrics', {})
  assert.equal(reply.status, 200)
  return readExposition(reply.body.toString())
}

const live = { offer: 'stable-image-core', mode: 'live' }

test('a scrape of a loaded house shows every metric moving', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const before = await scrape(house)
  await load(house)
  const after = await scrape(house)
  const moved = (name: string, labels: Record<string, string> = {}) =>
    (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0)
  const outcomes = ['succeeded', 'filtered', 'failed', 'unknown', 'replayed'] as const
  assert.deepEqual(
    outcomes.map((outcome) => moved('tollgate_calls_total', { ...live, outcome })),
    [3, 1, 2, 1, 1],
  )
  assert.equal(moved('tollgate_calls_total', { mode: 'none', outcome: 'refused' }), 1)
  assert.equal(moved('tollgate_calls_total', { mode: 'test', outcome: 'succeeded' }), 1)
  assert.equal(moved('tollgate_calls_refused_total', { name: 'unauthorized' }), 1)
  assert.ok(moved('tollgate_calls_refused_total', { name: 'bad_request' }) >= 1)
  assert.equal(moved('tollgate_client_faults_total', { act: 'client_aborted_upload' }), 1)
  assert.equal(moved('tollgate_upstream_may_bill_total', { ...live, outcome: 'unknown' }), 1)
  assert.equal(moved('tollgate_credits_charged_total', live), 12)
  for (const status of ['200', '400', '500']) {
    assert.ok(moved('tollgate_upstream_answers_total', { ...live, status }) > 0, status)
  }
  for (const name of ['call_duration', 'upstream_duration']) {
    assert.equal(moved(`tollgate_${name}_seconds_count`, live), 7, name)
    assert.equal(moved(`tollgate_${name}_seconds_bucket`, { ...live, le: '+Inf' }), 7, name)
    assert.ok(moved(`tollgate_${name}_seconds_sum`, live) > 0, name)
  }
  assert.equal(moved('tollgate_queue_wait_seconds_count'), 7)
  assert.deepEqual([after.value('tollgate_calls_in_flight'), after.value('tollgate_bytes_in_flight')], [0, 0])
  assert.ok(moved('process_cpu_seconds_total') > 0)
  await house.balanced()
})

test('what is under way shows while it is: calls, bytes, holds, the queue, and a token that was revoked', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { UPSTREAM_TOKEN_CONCURRENCY: '1' }))
  const { secret } = await house.key(await house.account(100))
  standIn.holdAnswers()
  const calls = [1, 2, 3].map((number) => house.client.call(secret, { prompt: `number ${number}` }))
  await standIn.waitFor(1)
  for (let tries = 300; ((await scrape(house)).value('tollgate_queue_waiting') ?? 0) < 2; tries--) assert.ok(tries > 0)
  const during = await scrape(house)
  assert.equal(during.value('tollgate_calls_in_flight'), 3)
  assert.equal(during.value('tollgate_token_calls_in_flight'), 1)
  assert.equal(during.value('tollgate_queue_lanes'), 1)
  assert.ok((during.value('tollgate_bytes_in_flight') ?? 0) > 300)
  assert.ok((during.value('tollgate_queue_oldest_wait_seconds') ?? 0) > 0)
  assert.equal(during.value('tollgate_token_state', { state: 'active' }), 1)
  standIn.letGo()
  assert.deepEqual(
    (await Promise.all(calls)).map(({ status }) => status),
    [200, 200, 200],
  )
  const waited = await scrape(house)
  assert.ok((waited.value('tollgate_queue_wait_seconds_sum') ?? 0) > 0)
  standIn.mode('status-401')
  await house.client.call(secret, { prompt: 'x' })
  const after = await scrape(house)
  assert.equal(after.value('tollgate_token_state', { state: 'revoked' }), 1)
  assert.equal(after.value('tollgate_token_state', { state: 'active' }), 0)
  await house.balanced()
})

test('an open hold, its age and the sum of the books are told as they are in the database', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(100))
  standIn.holdAnswers()
  const call = house.client.call(secret, { prompt: 'x' })
  await standIn.waitFor(1)
  const during = await scrape(house)
  assert.equal(during.value('tollgate_holds_open'), 1)
  assert.ok((during.value('tollgate_hold_oldest_seconds') ?? 0) > 0)
  assert.equal(during.value('tollgate_metrics_stale'), 0)
  assert.equal(during.value('tollgate_ledger_imbalance_credits'), 0)
  assert.ok((during.value('tollgate_ledger_proved_timestamp_seconds') ?? 0) > Date.now() / 1000 - 600)
  standIn.letGo()
  await call
  await house.balanced()
})

test('no account, key, call or secret is in a scrape, and no label takes more values than are known', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  await load(house)
  const reply = await house.client.send('GET', '/metrics', {})
  const text = reply.body.toString()
  for (const word of [masterToken, 'acc_', 'key_', 'call_0', 'tg_live_', 'tg_test_', 'a lighthouse', house.folder]) {
    assert.ok(!text.includes(word), word)
  }
  const { samples } = readExposition(text)
  const ours = samples.filter(({ name }) => name.startsWith('tollgate_'))
  const labels = new Set(ours.flatMap((sample) => Object.keys(sample.labels)))
  const known = ['act', 'le', 'mode', 'name', 'offer', 'outcome', 'state', 'status', 'token', 'version']
  assert.deepEqual([...labels].sort(), known)
  assert.deepEqual(
    [reply.headers['content-type'], reply.headers['cache-control']],
    ['text/plain; version=0.0.4; charset=utf-8', 'no-store'],
  )
  await house.balanced()
})

test('with METRICS_KEY a stranger gets 401, a near miss too, and the key its scrape', async (t) => {
  const house = await openTestHouse(t, { METRICS_KEY: 'a-key-for-metrics' })
  const ask = (authorization?: string) =>
    house.client.send('GET', '/metrics', authorization === undefined ? {} : { authorization })
  for (const wrong of [
    undefined,
    'Bearer',
    'Bearer a-key-for-metric',
    'Bearer a-key-for-metrics2',
    'a-key-for-metrics',
  ]) {
    const { status, headers, json } = await ask(wrong)
    assert.deepEqual(
      [status, headers['content-type'], headers['www-authenticate'], json()['name']],
      [401, 'application/problem+json; charset=utf-8', 'Bearer', 'unauthorized'],
    )
  }
  assert.equal((await ask('bearer a-key-for-metrics')).status, 200)
  for (let tries = 0; tries < 20; tries++) await ask('Bearer guessed')
  assert.equal((await ask('Bearer guessed')).status, 429)
  assert.equal((await ask('Bearer a-key-for-metrics')).status, 200)
})

test('other methods are refused, and nothing is asked for at a path below', async (t) => {
  const house = await openTestHouse(t)
  for (const method of ['HEAD', 'POST', 'PUT', 'DELETE']) {
    const { status, headers } = await house.client.send(method, '/metrics', {})
    assert.deepEqual([status, headers['allow']], [405, 'GET'], method)
  }
  assert.equal((await house.client.send('GET', '/metrics/more', {})).status, 404)
})

test('scrapers who do not read their answers keep nobody waiting', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(100))
  const { port, hostname } = new URL(house.origin)
  const sockets = Array.from({ length: 50 }, () => connect(Number(port), hostname))
  t.after(() => sockets.forEach((socket) => void socket.destroy()))
  for (const socket of sockets) {
    socket.on('error', () => undefined)
    socket.pause().write('GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(100))
  }
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  assert.ok((await scrape(house)).samples.length > 50)
  await house.balanced()
})

withRedis('what a scrape says of Redis', () => {
  test('a Redis that goes away shows in the next scrape, and how often it went stays told', async (t) => {
    const redis = await openRedisServer(t)
    const house = await openTestHouse(t, { REDIS_URL: redis.url })
    const seen = async () => {
      const { value } = await scrape(house)
      return [value('tollgate_redis_up'), value('tollgate_redis_losses_total')]
    }
    assert.deepEqual(await seen(), [1, 0])
    await redis.kill()
    for (let tries = 500; (await seen())[0] !== 0; tries--) assert.ok(tries > 0)
    assert.deepEqual(await seen(), [0, 1])
    await redis.start()
    for (let tries = 500; (await seen())[0] !== 1; tries--) {
      assert.ok(tries > 0)
      await new Promise((wake) => setTimeout(wake, 20))
    }
    assert.deepEqual(await seen(), [1, 1])
  })
})

/** Name, type and labels of every row of the tables in the page. */
function documented(): Map<string, string> {
  const page = readFileSync(join(checkout, 'docs/metrics.md'), 'utf8')
  const rows = page.matchAll(/^\| `(tollgate_\w+)` \| (\w+) \|([^|]*)\|/gm)
  const words = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word)
  return new Map([...rows].map(([, name = '', type = '', labels = '']) => [name, [type, ...words(labels)].join(' ')]))
}

test('the page about metrics names each one with its type and labels, and no other', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  await load(house)
  const { types, samples } = await scrape(house)
  const told = new Map<string, string>()
  for (const [name, type] of types) {
    if (!name.startsWith('tollgate_')) continue
    const sample = samples.find((each) => each.name === name || each.name === `${name}_sum`)
    assert.ok(sample, `${name} has no sample`)
    told.set(name, [type, ...Object.keys(sample.labels)].join(' '))
  }
  // Shown only where Redis is used.
  const redis = new Map([
    ['tollgate_redis_up', 'gauge'],
    ['tollgate_redis_losses_total', 'counter'],
  ])
  assert.deepEqual(new Map([...documented()].sort()), new Map([...told, ...redis].sort()))
  await house.balanced()
})
