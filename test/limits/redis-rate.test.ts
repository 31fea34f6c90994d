import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openLimits } from '../../src/limits/redis-limits.ts'
import { keptLog, openRedisServer, type RedisServer, until, withRedis } from '../support/redis.ts'

async function replica(t: TestContext, { url }: RedisServer) {
  const limits = await openLimits(url, keptLog().log)
  t.after(limits.close)
  return limits
}

withRedis('the rate shared between replicas', () => {
  test('of many parallel calls through two replicas exactly as many as the rate get in', async (t) => {
    const server = await openRedisServer(t)
    const replicas = [await replica(t, server), await replica(t, server)]
    const counted = await Promise.all(
      replicas.flatMap(({ windows }) => Array.from({ length: 500 }, () => windows.count('key_a', 60_000))),
    )
    assert.equal(counted.filter(({ calls }) => calls <= 37).length, 37)
    assert.deepEqual(
      counted.map(({ calls }) => calls).sort((one, other) => one - other),
      Array.from({ length: 1000 }, (_, index) => index + 1),
    )
    assert.ok(counted.every(({ leftMs }) => leftMs > 0 && leftMs <= 60_000))
  })

  test('a look tells what all replicas counted, and counts nothing', async (t) => {
    const server = await openRedisServer(t)
    const [one, other] = [await replica(t, server), await replica(t, server)]
    assert.deepEqual(await other.windows.look('key_a', 60_000), { calls: 0, leftMs: 0 })
    for (let count = 0; count < 3; count++) await one.windows.count('key_a', 60_000)
    for (let count = 0; count < 2; count++) {
      const { calls, leftMs } = await other.windows.look('key_a', 60_000)
      assert.equal(calls, 3)
      assert.ok(leftMs > 0 && leftMs <= 60_000)
    }
    assert.equal((await one.windows.count('key_a', 60_000)).calls, 4)
  })

  test('every window goes by itself, so Redis forgets keys that no longer call', async (t) => {
    const server = await openRedisServer(t)
    const { windows } = await replica(t, server)
    await Promise.all(Array.from({ length: 50 }, (_, index) => windows.count(`key_${index}`, 300)))
    await until(async () => (await server.run('DBSIZE')) === 0)
    assert.equal((await windows.count('key_0', 60_000)).calls, 1)
    assert.ok(Number(await server.run('PTTL', 'tollgate:rate:key_0')) > 0)
  })

  test('a window that is made shorter ends within its new length', async (t) => {
    const server = await openRedisServer(t)
    const { windows } = await replica(t, server)
    await windows.count('key_a', 3_600_000)
    assert.deepEqual(await windows.count('key_a', 5000), { calls: 2, leftMs: 5000 })
    assert.ok(Number(await server.run('PTTL', 'tollgate:rate:key_a')) <= 5000)
  })

  test('a window left without an end, as by a clock put back, gets one with the next call', async (t) => {
    const server = await openRedisServer(t)
    const { windows } = await replica(t, server)
    await windows.count('key_a', 1000)
    await server.run('PERSIST', 'tollgate:rate:key_a')
    await windows.count('key_a', 1000)
    await until(async () => (await server.run('EXISTS', 'tollgate:rate:key_a')) === 0)
  })

  test('a Redis that was emptied counts anew and nothing breaks', async (t) => {
    const server = await openRedisServer(t)
    const { windows, redis } = await replica(t, server)
    await windows.count('key_a', 60_000)
    await server.run('FLUSHALL')
    assert.equal((await windows.count('key_a', 60_000)).calls, 1)
    await server.run('SCRIPT', 'FLUSH')
    assert.equal((await windows.count('key_a', 60_000)).calls, 2)
    await until(() => redis?.state === 'up')
    assert.equal((await windows.count('key_a', 60_000)).calls, 2)
  })

  test('a rate that was used up stays so when Redis goes away', async (t) => {
    const server = await openRedisServer(t)
    const [one, other] = [await replica(t, server), await replica(t, server)]
    for (let calls = 0; calls < 5; calls++) await other.windows.count('key_a', 60_000)
    assert.equal((await one.windows.count('key_a', 60_000)).calls, 6)
    await server.kill()
    assert.equal((await one.windows.count('key_a', 60_000)).calls, 7)
    assert.equal((await one.windows.count('key_never_seen', 60_000)).calls, 1)
  })
})
