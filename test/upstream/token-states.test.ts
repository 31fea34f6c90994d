import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '../../src/store/store.ts'
import { openTokenStates, resuming } from '../../src/upstream/token-states.ts'
import { forEachStore } from '../support/stores.ts'

const id = 'tok_0f3a9c2e5b8d1406a1b2'
const revoked = { id, to: 'revoked', leftMs: 0, reason: 'upstream_auth_failed' } as const
const empty = { id, to: 'empty', leftMs: 0, reason: 'upstream_out_of_credits' } as const
const cooling = { id, to: 'cooling', leftMs: 60_000.4, reason: 'upstream_429' } as const
const active = { id, to: 'active', leftMs: 0, reason: 'probed' } as const

async function stateIn(store: Store) {
  const [saved, ...more] = await openTokenStates(store).load()
  assert.deepEqual(more, [])
  return saved && [saved.state, saved.reason, saved.version]
}

forEachStore((name, open) => {
  test(`${name}: what is known of a token outlives the process, with the time it has left`, async (t) => {
    const { store, again } = await open(t)
    const states = openTokenStates(store)
    assert.deepEqual(await states.load(), [])
    const before = Date.now()
    assert.equal(await states.save(cooling, 0), 1)
    const [saved] = await openTokenStates(await again()).load()
    assert.ok(saved && saved.leftMs > 0 && saved.leftMs <= 60_001)
    assert.ok(Math.abs(saved.changedAtMs - before) < 60_000)
    const { id, state, reason, version } = saved
    assert.deepEqual({ id, state, reason, version }, { id, state: 'cooling', reason: 'upstream_429', version: 1 })
  })

  test(`${name}: a time that is over is told as active, and anything may be written over it`, async (t) => {
    const { store } = await open(t)
    const states = openTokenStates(store)
    await states.save({ ...revoked, leftMs: 60_000 }, 0)
    await store.write([{ sql: 'UPDATE token_states SET until = 1', params: [] }])
    assert.deepEqual(await stateIn(store), ['active', 'time_over', 1])
    assert.equal(await states.save(cooling, 0), 2)
    assert.deepEqual(await stateIn(store), ['cooling', 'upstream_429', 2])
  })

  test(`${name}: who knows the last change may write any other, who does not only a graver one`, async (t) => {
    const { store, again } = await open(t)
    const [one, other] = [openTokenStates(store), openTokenStates(await again())]
    assert.equal(await one.save(empty, 0), 1)
    for (const change of [cooling, active, empty]) assert.equal(await other.save(change, 0), undefined)
    assert.equal(await other.save(revoked, 0), 2)
    assert.equal(await one.save(active, 1), undefined)
    assert.deepEqual(await stateIn(store), ['revoked', 'upstream_auth_failed', 2])
    assert.equal(await one.save(active, 2), 3)
    assert.equal(await other.save(cooling, 2), 4)
  })

  test(`${name}: of two times to cool the longer one stays`, async (t) => {
    const { store } = await open(t)
    const states = openTokenStates(store)
    await states.save(cooling, 0)
    assert.equal(await states.save({ ...cooling, leftMs: 5000 }, 0), undefined)
    assert.equal(await states.save({ ...cooling, leftMs: 600_000 }, 0), 2)
    assert.ok(Number((await states.load())[0]?.leftMs) > 500_000)
  })

  test(`${name}: replicas that find out different things at once end with the gravest`, async (t) => {
    const { store, again } = await open(t)
    const all = await Promise.all(Array.from({ length: 4 }, async () => openTokenStates(await again())))
    await Promise.all(all.flatMap((states) => [cooling, revoked, empty].map((change) => states.save(change, 0))))
    assert.equal((await stateIn(store))?.[0], 'revoked')
  })

  test(`${name}: an operator's resume counts whatever anybody knew, and once`, async (t) => {
    const { store } = await open(t)
    await openTokenStates(store).save(revoked, 0)
    for (let time = 0; time < 2; time++) await store.write([resuming(id, store.dialect)])
    assert.deepEqual(await stateIn(store), ['active', 'resumed', 2])
  })

  test(`${name}: a state that only a later version knows keeps no token from its calls`, async (t) => {
    const { store } = await open(t)
    await openTokenStates(store).save(revoked, 0)
    await store.write([{ sql: `UPDATE token_states SET state = 'dreaming'`, params: [] }])
    assert.equal((await stateIn(store))?.[0], 'active')
  })
})
