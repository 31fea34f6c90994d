import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedPostgres } from '../support/postgres.ts'
import { planOf } from './plan.ts'
import { walk } from './walk.ts'

const postgresServer = sharedPostgres()

test('the same seed gives the same walk, another seed another one', () => {
  assert.deepEqual(planOf(7, 200, 5), planOf(7, 200, 5))
  assert.notDeepEqual(planOf(7, 200, 5), planOf(8, 200, 5))
})

test('a walk on SQLite with faults from both sides and a killed process breaks no promise about money', async () => {
  const { violations, figures } = await walk({ store: 'sqlite', seed: 20_261_122, calls: 160, kills: 2, callers: 16 })
  assert.deepEqual(violations, [])
  assert.equal(figures['kills'], 2)
  assert.ok(Number(figures['pictures']) > 20 && Number(figures['refusals']) > 20)
})

test('a walk over two replicas on PostgreSQL breaks no promise about money', async () => {
  const databaseUrl = await (await postgresServer()).database()
  const size = { calls: 140, kills: 0, callers: 16 }
  const { violations, figures } = await walk({ store: 'replicas', seed: 20_261_122, databaseUrl, ...size })
  assert.deepEqual(violations, [])
  assert.ok(Number(figures['pictures']) > 20 && Number(figures['refusals']) > 20)
})
