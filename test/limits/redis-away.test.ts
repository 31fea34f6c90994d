import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openLimits } from '../../src/limits/redis-limits.ts'
import { freePort } from '../support/programs.ts'
import { keptLog, openRedisServer, until, withRedis } from '../support/redis.ts'

async function replica(t: TestContext, url: string) {
  const { log, told, text } = keptLog()
  const limits = await openLimits(url, log)
  t.after(limits.close)
  const { redis = assert.fail() } = limits
  return { ...limits, redis, told, text }
}

withRedis('a Redis that goes away and comes back', () => {
  test('Redis killed in the middle of traffic: every call goes on, one warning, one more when it is back', async (t) => {
    const server = await openRedisServer(t)
    const replicas = [await replica(t, server.url), await replica(t, server.url)]
    let calls = 0
    let isOver = false
    const traffic = replicas.map(async ({ windows, slots }, index) => {
      while (!isOver) {
        assert.ok((await windows.count('key_a', 60_000)).calls > 0)
        const slot = await slots.take(`key_${index}`, 1)
        assert.ok(slot)
        slot.release()
        calls++
        await new Promise((wake) => setImmediate(wake))
      }
    })
    await until(() => calls > 500)
    await server.kill()
    await until(() => replicas.every(({ redis }) => redis.state === 'down'))
    const before = calls
    await until(() => calls > before + 500)
    await server.start()
    await until(() => replicas.every(({ redis }) => redis.state === 'up'))
    const after = calls
    await until(() => calls > after + 500)
    isOver = true
    await Promise.all(traffic)
    for (const { told, redis } of replicas) {
      assert.deepEqual([told('redis_down'), told('redis_up'), redis.losses], [1, 1, 1])
    }
    const counts = await Promise.all(replicas.map(({ windows }) => windows.count('key_b', 60_000)))
    assert.deepEqual(counts.map((counted) => counted.calls).sort(), [1, 2])
  })

  test('of a Redis that hangs the calls under way learn once, and later ones do not wait at all', async (t) => {
    const server = await openRedisServer(t)
    const { windows, slots, redis, told } = await replica(t, server.url)
    server.pause()
    const underWay = Array.from({ length: 50 }, (_, index) => windows.count(`key_${index}`, 60_000))
    assert.ok(underWay.every((counted) => counted instanceof Promise))
    assert.deepEqual(
      (await Promise.all(underWay)).map(({ calls }) => calls),
      Array(50).fill(1),
    )
    assert.equal(redis.state, 'down')
    const later = windows.count('key_0', 60_000)
    assert.ok(!(later instanceof Promise))
    assert.equal(later.calls, 2)
    assert.ok(!(slots.take('key_0', 1) instanceof Promise))
    assert.equal(slots.take('key_0', 1), undefined)
    assert.equal(told('redis_down'), 1)
    server.resume()
    await until(() => redis.state === 'up')
    assert.deepEqual([told('redis_down'), told('redis_up')], [1, 1])
    assert.ok(windows.count('key_0', 60_000) instanceof Promise)
  })

  test('a Redis that hangs again and again is met with one warning each time', async (t) => {
    const server = await openRedisServer(t)
    const { windows, redis, told } = await replica(t, server.url)
    for (let times = 1; times <= 3; times++) {
      server.pause()
      assert.ok((await windows.count('key_a', 60_000)).calls > 0)
      server.resume()
      await until(() => redis.state === 'up')
      assert.deepEqual([told('redis_down'), told('redis_up'), redis.losses], [times, times, times])
    }
  })

  for (const [name, break_, mend] of [
    ['is read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['is out of memory', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['took the right to write', ['ACL', 'SETUSER', 'default', '-@write'], ['ACL', 'SETUSER', 'default', '+@all']],
  ] as const) {
    test(`a Redis that ${name} counts as away until it takes writes again`, async (t) => {
      const server = await openRedisServer(t)
      const { windows, slots, redis, told } = await replica(t, server.url)
      await server.run(...break_)
      assert.equal((await windows.count('key_a', 60_000)).calls, 1)
      assert.equal(redis.state, 'down')
      assert.ok(await slots.take('key_a', 1))
      assert.equal(await slots.take('key_a', 1), undefined)
      assert.equal((await windows.count('key_a', 60_000)).calls, 2)
      await server.run(...mend)
      await until(() => redis.state === 'up')
      assert.deepEqual([told('redis_down'), told('redis_up')], [1, 1])
      assert.equal((await windows.count('key_a', 60_000)).calls, 1)
    })
  }

  test('a Redis that is not there at the start is found later', async (t) => {
    const server = await openRedisServer(t)
    await server.kill()
    const { windows, redis, told } = await replica(t, server.url)
    assert.deepEqual([redis.state, told('redis_down')], ['down', 1])
    assert.ok(!(windows.count('key_a', 60_000) instanceof Promise))
    await server.start()
    await until(() => redis.state === 'up')
    assert.equal((await windows.count('key_a', 60_000)).calls, 1)
    assert.equal(told('redis_up'), 1)
  })

  test('a Redis that hangs at the start is away, not waited for', async (t) => {
    const server = await openRedisServer(t)
    server.pause()
    const { redis, told } = await replica(t, server.url)
    assert.deepEqual([redis.state, told('redis_down')], ['down', 1])
    server.resume()
    await until(() => redis.state === 'up')
  })
})

/** Answers every piece it hears with the same line. */
async function openParrot(t: TestContext, line: string): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('data', () => socket.write(line)).on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `redis://127.0.0.1:${address.port}`
}

for (const [name, line] of [
  ['that still loads its data', '-LOADING Redis is loading the dataset in memory\r\n'],
  ['that is no Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['that says nothing', ''],
] as const) {
  test(`a server ${name} at the start is a warning and local limits`, async (t) => {
    const { windows, redis, told } = await replica(t, await openParrot(t, line))
    assert.deepEqual([redis.state, told('redis_down')], ['down', 1])
    assert.equal((await windows.count('key_a', 60_000)).calls, 1)
  })
}

test('nothing of REDIS_URL is in the log', async (t) => {
  const { text, told } = await replica(t, `redis://CANARY-user:CANARY-password@127.0.0.1:${await freePort()}/0`)
  assert.equal(told('redis_down'), 1)
  assert.doesNotMatch(text(), /CANARY/)
})
