import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig, settings } from '../../src/config.ts'
import { settingsTold } from '../../src/settings-told.ts'
import { dataOf } from '../support/admin.ts'
import { adminKey, openTestHouse } from '../support/house.ts'

const secret = 'canary-Z7q2'

/** What is told of settings that were given. */
function toldOf(env: Readonly<Record<string, string>>): ReadonlyMap<string, string | null> {
  return new Map(settingsTold(loadConfig(env).config).map(({ name, value }) => [name, value]))
}

test('every setting is told once, with what it is and what it is if it is not given', async (t) => {
  const house = await openTestHouse(t, { QUEUE_LIMIT: '7' })
  const told = dataOf(await house.admin('GET', '/settings'))
  assert.deepEqual(
    told.map(({ name }) => name),
    Object.values(settings).map(({ env }) => env),
  )
  const queue = told.find(({ name }) => name === 'QUEUE_LIMIT')
  const about = 'Most calls waiting in the fair queue.'
  assert.deepEqual(queue, { name: 'QUEUE_LIMIT', value: '7', secret: false, default: '1000', about })
  assert.ok(!JSON.stringify(told).includes(adminKey))
})

test('values are told as they would be written', () => {
  const written = {
    HOST: '127.0.0.1',
    UPSTREAM_URL: 'https://example.com/sd',
    UPSTREAM_PACE: '140/10s',
    RATE_LIMIT: '5/1500ms',
    CHARGE_FILTERED: 'false',
    ADMIN_ALLOW_IPS: '10.0.0.0/8,::1/128',
    TRUST_PROXY: '2',
    DATABASE_URL: 'sqlite:some/house.db',
  }
  const told = toldOf(written)
  for (const [name, value] of Object.entries(written)) assert.equal(told.get(name), value, name)
  assert.equal(toldOf({ TRUST_PROXY: '10.0.0.0/8' }).get('TRUST_PROXY'), '10.0.0.0/8')
  assert.equal(toldOf({}).get('TRUST_PROXY'), 'false')
  assert.equal(toldOf({}).get('UPSTREAM_TOKENS'), null)
})

test('of a secret nothing is told but that there is one', () => {
  const told = toldOf({
    ADMIN_KEY: `admin-${secret}-admin-key-0123`,
    METRICS_KEY: `metrics-${secret}`,
    UPSTREAM_TOKENS: `sk-${secret}-0123456789`,
    DATABASE_URL: `postgres://user:${secret}@db.example:5432/house?password=${secret}&sslmode=require`,
    REDIS_URL: `rediss://:${secret}@cache.example:6380/1?x=${secret}`,
  })
  assert.ok(!JSON.stringify([...told]).includes(secret))
  for (const name of ['ADMIN_KEY', 'METRICS_KEY', 'UPSTREAM_TOKENS']) assert.equal(told.get(name), 'set', name)
  assert.equal(told.get('DATABASE_URL'), 'postgres://db.example:5432/house')
  assert.equal(told.get('REDIS_URL'), 'rediss://cache.example:6380/1')
})
