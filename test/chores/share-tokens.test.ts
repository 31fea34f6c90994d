import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startSharingTokens } from '../../src/chores/share-tokens.ts'
import { StoreUnavailable } from '../../src/errors.ts'
import { openLog } from '../../src/log.ts'
import type { Store } from '../../src/store/store.ts'
import { openTokenStates, resuming } from '../../src/upstream/token-states.ts'
import { openLive } from '../support/live.ts'
import { until } from '../support/raw-client.ts'
import { forEachStore } from '../support/stores.ts'

const secrets = ['sk-one-7f3a9c2e5b8d1406', 'sk-two-0a1b2c3d4e5f6071']
// Nothing is asked of it.
const nowhere = 'http://127.0.0.1:9'

/** A replica with its own idea of the tokens. */
async function replica(t: TestContext, store: Store, { shared = false, everyMs = 60_000 } = {}) {
  const live = openLive(t, nowhere, secrets)
  const lines: string[] = []
  const log = openLog('info', false, { write: (line) => void lines.push(line) })
  const rounds = await startSharingTokens({ states: openTokenStates(store), upstream: live, log, shared, everyMs })
  t.after(() => rounds.close())
  const [one = '', two = ''] = live.tokens().map(({ id }) => id)
  return { ...live, ...rounds, one, two, lines }
}

async function saved(store: Store, id: string): Promise<string | undefined> {
  return (await openTokenStates(store).load()).find((state) => state.id === id)?.state
}

forEachStore((name, open) => {
  test(`${name}: a restart forgets neither what is empty or revoked, nor how long one cools`, async (t) => {
    const { store } = await open(t)
    const before = await replica(t, store)
    before.setAside(before.one, 'revoked')
    before.setAside(before.two, 'cooling', 60_000)
    await before.close()
    const after = await replica(t, store)
    const [one, two] = after.tokens()
    assert.deepEqual([one?.state, one?.untilMs, two?.state], ['revoked', 0, 'cooling'])
    assert.ok(two && two.untilMs > 30_000 && two.untilMs <= 60_000)
    assert.deepEqual(
      after.changes.map(({ learnt }) => learnt),
      [true, true],
    )
    after.resume(after.one)
    after.setAside(after.two, 'empty')
    await after.close()
    const last = await replica(t, store)
    assert.deepEqual(
      last.tokens().map(({ state }) => state),
      ['active', 'empty'],
    )
  })

  test(`${name}: changes are written as they happen, in their order`, async (t) => {
    const { store } = await open(t)
    const { one, ...live } = await replica(t, store)
    live.setAside(one, 'cooling', 60_000)
    live.setAside(one, 'revoked')
    live.resume(one)
    live.setAside(one, 'empty')
    await until('the last change is written', async () => (await saved(store, one)) === 'empty')
  })

  test(`${name}: what cannot be written at first is written by a later round`, async (t) => {
    const { store } = await open(t)
    let isDown = false
    const shaky: Store = {
      ...store,
      write: (...unit) => (isDown ? Promise.reject(new StoreUnavailable('io')) : store.write(...unit)),
    }
    const { one, lines, ...live } = await replica(t, shaky, { everyMs: 5 })
    isDown = true
    live.setAside(one, 'revoked')
    await until('the trouble is told', () => lines.length > 0)
    assert.equal(await saved(store, one), undefined)
    isDown = false
    await until('the change is written', async () => (await saved(store, one)) === 'revoked')
    assert.equal(lines.length, 1)
  })

  test(`${name}: replicas agree on what one of them finds out, and on an operator's resume`, async (t) => {
    const { store, again } = await open(t)
    const sharing = { shared: true, everyMs: 10 }
    const [here, there] = [await replica(t, store, sharing), await replica(t, await again(), sharing)]
    const agreed = (id: string, state: string) =>
      until(`both say ${state}`, () => here.stateOf(id) === state && there.stateOf(id) === state)
    here.setAside(here.one, 'revoked')
    there.setAside(there.two, 'cooling', 60_000)
    await agreed(here.one, 'revoked')
    await agreed(here.two, 'cooling')
    assert.ok(Number(here.tokens()[1]?.untilMs) > 30_000)
    there.resume(here.one)
    await agreed(here.one, 'active')
    // As the admin door does it: the row first, in the unit of its audit row.
    await store.write([resuming(here.two, store.dialect)])
    here.resume(here.two)
    await agreed(here.two, 'active')
    here.setAside(here.one, 'empty')
    await agreed(here.one, 'empty')
  })

  test(`${name}: replicas that find out different things at once agree on the gravest`, async (t) => {
    const { store, again } = await open(t)
    const sharing = { shared: true, everyMs: 10 }
    const [here, there] = [await replica(t, store, sharing), await replica(t, await again(), sharing)]
    here.setAside(here.one, 'revoked')
    there.setAside(here.one, 'cooling', 60_000)
    await until('both say revoked', () => here.stateOf(here.one) === 'revoked' && there.stateOf(here.one) === 'revoked')
    assert.equal(await saved(store, here.one), 'revoked')
  })
})
