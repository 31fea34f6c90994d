import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@redis/client'
import { corePath, type Reply } from '../support/client.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { openPlace } from '../support/process.ts'
import { freePort } from '../support/programs.ts'
import { openRedisServer, until, withRedis } from '../support/redis.ts'
import { opened } from '../support/stand-in-client.ts'

const statuses = (replies: readonly Reply[]) => replies.map(({ status }) => status).sort()

withRedis('a house with REDIS_URL', () => {
  test('over HTTP the rate is counted in Redis, goes on without it, and is counted there again', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const account = await house.account(100)
    const { id, secret } = await house.key(account, { rate: { calls: 3, windowSeconds: 3600 } })
    const call = (key = secret) => house.client.call(key, { prompt: 'x' })
    const replies = await Promise.all([call(), call(), call(), call(), call()])
    assert.deepEqual(statuses(replies), [200, 200, 200, 429, 429])
    const refused = replies.find(({ status }) => status === 429)
    assert.equal(refused?.json()['name'], 'rate_limited')
    assert.ok(Number(refused?.headers['retry-after']) > 3000)
    assert.equal(refused?.headers['ratelimit-remaining'], '0')
    assert.equal(await server.run('GET', `tollgate:rate:${id}`), '5')

    await server.kill()
    assert.equal((await call()).status, 429)
    const other = await house.key(account, { rate: { calls: 3, windowSeconds: 3600 } })
    const [first] = await Promise.all([call(other.secret), call(other.secret)])
    assert.equal(first?.status, 200)
    const told = (reason: string) => house.lines.filter((line) => line['reason'] === reason).length
    assert.equal(told('redis_down'), 1)

    await server.start()
    await until(() => told('redis_up') === 1)
    assert.equal((await call()).status, 200)
    assert.equal(await server.run('GET', `tollgate:rate:${id}`), '1')
    await house.balanced()
  })

  test('over HTTP a slot is a lease in Redis for as long as the call runs', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const { id, secret } = await house.key(await house.account(100), { maxConcurrency: 2 })
    const leases = () => server.run('ZCARD', `tollgate:slots:${id}`)
    const call = (prompt: string) => house.client.call(secret, { prompt })
    const slow = [call('mode:slow-headers:3000'), call('mode:slow-headers:3000')]
    await until(async () => (await leases()) === 2)
    const refused = await call('x')
    assert.equal(refused.status, 429)
    assert.equal(refused.json()['name'], 'concurrency_limited')
    assert.deepEqual(statuses(await Promise.all(slow)), [200, 200])
    await until(async () => (await leases()) === 0)
    assert.equal((await call('x')).status, 200)
    await house.balanced()
  })

  test('a slot taken elsewhere binds here too, for a key and for an account as a whole', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const account = await house.account(100)
    assert.equal((await house.admin('PATCH', `/accounts/${account}`, { max_concurrency: 1 })).status, 200)
    const { id, secret } = await house.key(account, { maxConcurrency: 1 })
    const call = () => house.client.call(secret, { prompt: 'x' })
    for (const bound of [`tollgate:slots:${id}`, `tollgate:slots:${account}:live`]) {
      await server.run('ZADD', bound, String(Date.now() + 50_000), 'of-another-replica')
      assert.equal((await call()).json()['name'], 'concurrency_limited')
      await server.run('ZREM', bound, 'of-another-replica')
      assert.equal((await call()).status, 200)
      await until(async () => ((await server.run('KEYS', 'tollgate:slots:*')) as unknown[]).length === 0)
    }
    await house.balanced()
  })

  test('a caller who leaves at any moment leaves no slot behind', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const { secret } = await house.key(await house.account(1000), { maxConcurrency: 50 })
    await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const signal = AbortSignal.timeout(1 + (index % 12))
        await house.client.call(secret, { prompt: 'x' }, { signal, path: corePath }).catch(() => undefined)
      }),
    )
    await until(async () => ((await server.run('KEYS', 'tollgate:slots:*')) as unknown[]).length === 0)
    await house.balanced()
  })

  test('a caller who leaves while Redis hangs leaves no slot behind', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const { secret } = await house.key(await house.account(10), { maxConcurrency: 1 })
    assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
    server.pause()
    const signal = AbortSignal.timeout(100)
    await assert.rejects(house.client.call(secret, { prompt: 'x' }, { signal }))
    await until(() => house.lines.some((line) => line['reason'] === 'redis_down'))
    assert.equal(house.lines.filter((line) => line['msg'] === 'call').length, 2)
    assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
    server.resume()
    await house.balanced()
  })

  test('what is written to Redis opens no door', async (t) => {
    const server = await openRedisServer(t)
    const house = await openTestHouse(t, behind(await opened(t), { REDIS_URL: server.url }))
    const { secret } = await house.key(await house.account(10), { maxConcurrency: 1 })
    const heard: string[] = []
    const spy = createClient({ url: server.url, RESP: 2 })
    spy.on('error', () => undefined)
    await spy.connect()
    t.after(() => spy.destroy())
    await spy.monitor((line) => void heard.push(String(line)))
    assert.equal((await house.client.call(secret, { prompt: 'CANARY-prompt' })).status, 200)
    await until(() => heard.join().includes('tollgate:slots:'))
    assert.doesNotMatch(heard.join(), new RegExp(`CANARY|${secret.slice(8)}|authorization`, 'i'))
  })

  test('a wrong password in REDIS_URL stops the start with 78 and a sentence without the secret', async (t) => {
    const { port } = await openRedisServer(t, '--requirepass', 'the-right-one')
    const env = { REDIS_URL: `redis://:wrong-CANARY@127.0.0.1:${port}` }
    const { code, stdout, stderr } = await openPlace(t).run({ env })
    assert.equal(code, 78, stdout + stderr)
    assert.equal(stderr, 'Tollgate did not start:\n  REDIS_URL: Redis refuses this user or password.\n')
    assert.doesNotMatch(stdout, /CANARY/)
  })
})

test('a house whose Redis is not there starts with a warning, serves, and ends as usual', async (t) => {
  const place = openPlace(t)
  const { secret } = await place.furnish(10, { mode: 'test', maxConcurrency: 1 })
  const house = await place.start({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.equal(house.lines().filter((line) => line['reason'] === 'redis_down').length, 1)
})

test('a house without REDIS_URL loads no Redis client', async (t) => {
  const place = openPlace(t)
  const traced = ['--import', `data:text/javascript,${encodeURIComponent(tracing)}`]
  const house = place.begin({ node: traced })
  await house.until(/"msg":"listening"/)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.match(house.stderr(), /^loaded .*fastify/m)
  assert.doesNotMatch(house.stderr(), /^loaded .*@redis/m)
})

// Only what is asked for below: all of it would fill a pipe whose reader is slow, and the write would fail.
const tracing = `
import { registerHooks } from 'node:module'
import { writeSync } from 'node:fs'
registerHooks({
  load(url, context, next) {
    if (/fastify|@redis/.test(url)) writeSync(2, 'loaded ' + url + '\\n')
    return next(url, context)
  },
})`
