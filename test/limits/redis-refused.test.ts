import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { openLimits } from '../../src/limits/redis-limits.ts'
import { StoreRefusal } from '../../src/store/store.ts'
import { keptLog, openRedisServer, withRedis } from '../support/redis.ts'

async function refusedWith(url: string, sentence: string): Promise<void> {
  const { log, text } = keptLog()
  await assert.rejects(openLimits(url, log), (error: unknown) => {
    assert.ok(error instanceof StoreRefusal, inspect(error))
    assert.deepEqual([error.exitCode, error.message], [78, `REDIS_URL: ${sentence}`])
    assert.doesNotMatch(inspect(error, { depth: 9 }), /CANARY/)
    return true
  })
  assert.equal(text(), '')
}

withRedis('the refusal of a REDIS_URL that does not fit', () => {
  const at = (user: string, port: number, path = '') => `redis://${user}127.0.0.1:${port}${path}`
  const locked = (t: TestContext) => openRedisServer(t, '--requirepass', 'the-right-one')

  test('a wrong password, an unknown user and a missing password are each refused in a sentence of their own', async (t) => {
    const { port } = await locked(t)
    await refusedWith(at(':wrong-CANARY@', port), 'Redis refuses this user or password.')
    await refusedWith(at('nobody-CANARY:the-right-one@', port), 'Redis refuses this user or password.')
    await refusedWith(at('', port), 'Redis asks for a password.')
    const { log } = keptLog()
    const { redis, close } = await openLimits(at(':the-right-one@', port), log)
    assert.equal(redis?.state, 'up')
    await close()
  })

  test('a password that Redis has none for is refused, since it may be the wrong Redis', async (t) => {
    const { port } = await openRedisServer(t)
    await refusedWith(at(':needless-CANARY@', port), 'has a password, but this Redis has none.')
  })

  test('a user who may not do what is needed is refused at the start, not at the first call', async (t) => {
    const server = await openRedisServer(t)
    const sentence = 'this user may not run scripts on keys that begin with tollgate:.'
    for (const rights of [
      ['~*', '+auth'],
      ['~*', '+@scripting'],
      ['~other:*', '+@all'],
      ['~*', '+@all', '-zadd'],
    ]) {
      await server.run('ACL', 'SETUSER', 'poor', 'reset', 'on', '>poor-CANARY', ...rights)
      await refusedWith(at('poor:poor-CANARY@', server.port), sentence)
    }
  })

  test('a database that is not there and an address that is none are refused', async (t) => {
    const { port } = await openRedisServer(t)
    await refusedWith(at('', port, '/99'), 'this Redis has no database of that number.')
    const none = 'must be a URL such as redis://user:password@host:6379/0, special characters percent-encoded.'
    await refusedWith(at('', port, '/CANARY'), none)
    await refusedWith(at('a:%CANARY@', port), none)
  })
})
