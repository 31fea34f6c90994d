import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openRedis } from '../../src/limits/redis.ts'
import { openSharedSlots } from '../../src/limits/redis-slots.ts'
import { keptLog, openRedisServer, type RedisServer, until, withRedis } from '../support/redis.ts'

async function replica(t: TestContext, { url }: RedisServer, leaseMs = 60_000) {
  const redis = await openRedis(url, keptLog().log)
  const slots = openSharedSlots(redis, leaseMs)
  t.after(async () => {
    slots.close()
    await redis.close()
  })
  return { ...slots, redis }
}

const leasesOf = (server: RedisServer, id: string) => server.run('ZCARD', `tollgate:slots:${id}`)

withRedis('slots shared between replicas', () => {
  test('the slots taken in all replicas are counted, whoever asks', async (t) => {
    const server = await openRedisServer(t)
    const [one, other] = [await replica(t, server), await replica(t, server)]
    assert.equal(await other.countAll('key_a'), 0)
    const slot = await one.take('key_a', 5)
    await other.take('key_a', 5)
    assert.deepEqual([await one.countAll('key_a'), await other.countAll('key_a')], [2, 2])
    slot?.release()
    await until(async () => (await other.countAll('key_a')) === 1)
  })

  test('two replicas under parallel load never hold more slots at once than the bound, and use all of it', async (t) => {
    const server = await openRedisServer(t)
    const replicas = [await replica(t, server), await replica(t, server)]
    const seen = { now: 0, most: 0, refused: 0, held: 0 }
    async function caller(index: number): Promise<void> {
      const { take } = replicas[index % 2] ?? assert.fail()
      for (let calls = 0; calls < 40; calls++) {
        const slot = await take('key_a', 7)
        if (!slot) {
          seen.refused++
          await nextTurn()
          continue
        }
        seen.held++
        seen.most = Math.max(seen.most, ++seen.now)
        for (let turns = 0; turns < 5; turns++) await nextTurn()
        seen.now--
        slot.release()
      }
    }
    await Promise.all(Array.from({ length: 40 }, (_, index) => caller(index)))
    assert.equal(seen.most, 7)
    assert.ok(seen.refused > 0 && seen.held + seen.refused === 1600)
    await until(async () => (await leasesOf(server, 'key_a')) === 0)
  })

  test('of a hundred takers on two replicas exactly the bound get a slot', async (t) => {
    const server = await openRedisServer(t)
    const replicas = [await replica(t, server), await replica(t, server)]
    const slots = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (replicas[index % 2] ?? assert.fail()).take('key_a', 9)),
    )
    assert.equal(slots.filter(Boolean).length, 9)
    assert.equal(await leasesOf(server, 'key_a'), 9)
    for (const slot of slots) slot?.release()
    for (const slot of slots) slot?.release()
    await until(async () => (await leasesOf(server, 'key_a')) === 0)
    assert.equal(await server.run('EXISTS', 'tollgate:slots:key_a'), 0)
  })

  test('the slots of a replica that died are free once its leases are over', async (t) => {
    const server = await openRedisServer(t)
    const [dying, other] = [await replica(t, server, 3000), await replica(t, server, 3000)]
    await dying.take('key_a', 2)
    await dying.take('key_a', 2)
    dying.close()
    await dying.redis.close()
    assert.equal(await other.take('key_a', 2), undefined)
    await until(async () => (await other.take('key_a', 2)) !== undefined)
    assert.ok(Number(await server.run('PTTL', 'tollgate:slots:key_a')) > 0)
  })

  test('a lease is renewed for as long as its call runs', async (t) => {
    const server = await openRedisServer(t)
    const { take } = await replica(t, server, 900)
    const slot = await take('key_a', 1)
    const [, first] = (await server.run('ZRANGE', 'tollgate:slots:key_a', '0', '0', 'WITHSCORES')) as string[]
    await until(async () => {
      const [, ends] = (await server.run('ZRANGE', 'tollgate:slots:key_a', '0', '0', 'WITHSCORES')) as string[]
      return Number(ends) > Number(first) + 900
    })
    slot?.release()
    await until(async () => (await leasesOf(server, 'key_a')) === 0)
  })

  test('a lease that ends too late, as after a clock put back, is shortened by the next refusal', async (t) => {
    const server = await openRedisServer(t)
    const { take } = await replica(t, server, 600)
    await server.run('ZADD', 'tollgate:slots:key_a', String(Date.now() + 86_400_000), 'of-a-dead-replica')
    assert.equal(await take('key_a', 1), undefined)
    await until(async () => (await take('key_a', 1)) !== undefined)
  })

  test('calls in flight are told to a Redis that was emptied, so the bound holds again', async (t) => {
    const server = await openRedisServer(t)
    const [one, other] = [await replica(t, server, 3000), await replica(t, server, 3000)]
    const slot = await one.take('key_a', 1)
    await server.run('FLUSHALL')
    await until(async () => (await leasesOf(server, 'key_a')) === 1)
    assert.equal(await other.take('key_a', 1), undefined)
    slot?.release()
    await until(async () => (await leasesOf(server, 'key_a')) === 0)
  })

  test('what was taken and freed while Redis was away is right in it once it is back', async (t) => {
    const server = await openRedisServer(t)
    const { take, redis, count } = await replica(t, server)
    const [kept, freed] = [await take('key_a', 3), await take('key_a', 3)]
    server.pause()
    const uncertain = await take('key_a', 3)
    assert.equal(redis.state, 'down')
    assert.ok(kept && freed && uncertain)
    assert.equal(await take('key_a', 3), undefined)
    freed.release()
    const meanwhile = await take('key_a', 3)
    uncertain.release()
    assert.equal(count('key_a'), 2)
    server.resume()
    await until(() => redis.state === 'up')
    await until(async () => (await leasesOf(server, 'key_a')) === 2)
    kept.release()
    meanwhile?.release()
    await until(async () => (await leasesOf(server, 'key_a')) === 0)
  })

  test('a slot without bound, and one this replica fills by itself, ask nobody', async (t) => {
    const server = await openRedisServer(t)
    const { take } = await replica(t, server)
    assert.ok(!(take('key_a', Number.POSITIVE_INFINITY) instanceof Promise))
    assert.equal(await leasesOf(server, 'key_a'), 0)
    assert.ok(await take('key_b', 1))
    assert.equal(take('key_b', 1), undefined)
  })
})
