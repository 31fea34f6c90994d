import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLimits } from '../../src/limits/redis-limits.ts'
import { keptLog, openRedisServer, type RedisServer, until, withRedis } from '../support/redis.ts'

async function paceOf(t: TestContext, { url }: RedisServer, rate: { calls: number; windowMs: number }) {
  const limits = await openLimits(url, keptLog().log)
  t.after(limits.close)
  return { pace: limits.paceOf(rate, () => 2), redis: limits.redis ?? assert.fail() }
}

withRedis('the pace shared between replicas', () => {
  test('two replicas that want all they can get stay within the pace in any span', async (t) => {
    const server = await openRedisServer(t)
    const rate = { calls: 30, windowMs: 600 }
    const replicas = [await paceOf(t, server, rate), await paceOf(t, server, rate)]
    const times: number[] = []
    const endMs = performance.now() + 2000
    const greedy = async ({ pace }: (typeof replicas)[number]): Promise<void> => {
      while (performance.now() < endMs) {
        if (pace.waitMs('a') === 0 && (await pace.take('a'))) times.push(performance.now())
        else await sleep(Math.max(1, pace.waitMs('a')))
      }
    }
    await Promise.all([...replicas, ...replicas].map(greedy))
    times.sort((one, other) => one - other)
    for (const from of times) {
      const inSpan = times.filter((at) => at >= from && at < from + rate.windowMs).length
      // When the answer was read here, not when the permit was given there: one may slip across the border.
      assert.ok(inSpan <= rate.calls + 1, `${inSpan} permits in a span`)
    }
    // A replica left alone would not be held back to its half.
    assert.ok(times.length > 60, `${times.length} permits`)
  })

  test('what Redis refuses is asked for again only when it is worth it, and a permit given back is free', async (t) => {
    const server = await openRedisServer(t)
    const { pace } = await paceOf(t, server, { calls: 1, windowMs: 60_000 })
    assert.equal(await pace.take('a'), true)
    assert.equal(await pace.take('a'), false)
    assert.ok(pace.waitMs('a') > 59_000)
    const { pace: other } = await paceOf(t, server, { calls: 1, windowMs: 60_000 })
    assert.equal(await other.take('a'), false)
    assert.equal(await other.take('b'), true)
    other.giveBack('b')
    await until(async () => await other.take('b'))
  })

  test('while Redis is away each replica goes by its own count, which knows what it had before', async (t) => {
    const server = await openRedisServer(t)
    const { pace, redis } = await paceOf(t, server, { calls: 2, windowMs: 120_000 })
    assert.equal(await pace.take('a'), true)
    await server.kill()
    await until(async () => redis.state === 'down')
    assert.ok(pace.waitMs('a') > 30_000)
    assert.equal(await pace.take('a'), false)
    assert.equal(await pace.take('b'), true)
  })

  test('a permit due too late, as after a clock put back, does not shut the token out', async (t) => {
    const server = await openRedisServer(t)
    const { pace } = await paceOf(t, server, { calls: 20, windowMs: 1000 })
    await server.run('SET', 'tollgate:pace:a', '9000000000000000')
    assert.equal(await pace.take('a'), false)
    assert.ok(pace.waitMs('a') <= 110, String(pace.waitMs('a')))
    await until(async () => pace.waitMs('a') === 0 && (await pace.take('a')))
  })
})
