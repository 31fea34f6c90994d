import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startProbingTokens } from '../../src/chores/probe-tokens.ts'
import type { Credits } from '../../src/credits.ts'
import { openLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { latest } from '../../src/upstream/token-balances.ts'
import { openLive } from '../support/live.ts'
import { until } from '../support/raw-client.ts'
import type { StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'
import { forEachStore, type OpenStore, sqliteFile } from '../support/stores.ts'

const secrets = ['sk-one-7f3a9c2e5b8d1406', 'sk-two-0a1b2c3d4e5f6071'] as const
const leastCredits = 3_000_000 as Credits

/** A replica that asks for the balances of its tokens. */
function probing(t: TestContext, store: Store, standIn: Pick<StandIn, 'origin'>, everyMs = 10) {
  const live = openLive(t, standIn.origin, secrets)
  const lines: Record<string, unknown>[] = []
  const log = openLog('info', false, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const rounds = startProbingTokens({ store, upstream: live, log, leastCredits, everyMs })
  t.after(() => rounds.close())
  const [one = '', two = ''] = live.tokens().map(({ id }) => id)
  return { ...live, ...rounds, one, two, lines }
}

/** Rows of its own are all it takes. */
async function openSqlitePlace(t: TestContext) {
  const store = await openStore(sqliteFile(t))
  t.after(() => store.close())
  return { store }
}

async function place(t: TestContext, open: OpenStore) {
  const [{ store, again }, standIn] = [await open(t), await opened(t)]
  return { store, again, standIn }
}

async function balanceOf(store: Store, id: string): Promise<number | undefined> {
  return (await latest(store, [id])).get(id)?.credits
}

/** Waits until the stand-in has been asked so often since now. */
async function askedAgain(standIn: StandIn, times: number): Promise<void> {
  const before = standIn.asked.length
  await until(`asked ${times} times more`, () => standIn.asked.length >= before + times)
}

forEachStore((name, open) => {
  test(`${name}: the balance of each token is read again and again, with when it was asked`, async (t) => {
    const { store, standIn } = await place(t, open)
    standIn.purses.set(secrets[0], 12.079)
    const began = Date.now()
    const { one, two } = probing(t, store, standIn)
    await until('both are read', async () => (await latest(store, [one, two])).size === 2)
    const reading = (await latest(store, [one])).get(one)
    assert.equal(reading?.credits, 12_079_000)
    assert.ok(reading.askedAtMs >= began - 1 && reading.askedAtMs <= reading.atMs && reading.atMs <= Date.now())
    standIn.purses.set(secrets[0], 9.079)
    await until('it is read anew', async () => (await balanceOf(store, one)) === 9_079_000)
    assert.equal(standIn.calls.length, 0)
  })

  for (const [state, mode] of [
    ['revoked', 'auth-revoked'],
    ['empty', 'out-of-credits'],
  ] as const) {
    test(`${name}: a token that is ${state} comes back by itself once the upstream takes it again`, async (t) => {
      const { store, standIn } = await place(t, open)
      standIn.tokenMode(secrets[0], mode)
      const { one, changes, ...live } = probing(t, store, standIn)
      live.setAside(one, state)
      await askedAgain(standIn, 4)
      assert.equal(live.stateOf(one), state)
      standIn.tokenMode(secrets[0], 'ok')
      await until('it is active', () => live.stateOf(one) === 'active')
      const [, back] = changes
      assert.deepEqual([back?.from, back?.to, back?.reason, back?.learnt], [state, 'active', 'probed', false])
    })
  }

  test(`${name}: too little for a single call brings no token back`, async (t) => {
    const { store, standIn } = await place(t, open)
    standIn.purses.set(secrets[0], 2.9)
    const { one, ...live } = probing(t, store, standIn)
    live.setAside(one, 'empty')
    await until('it is read', async () => (await balanceOf(store, one)) === 2_900_000)
    await askedAgain(standIn, 3)
    assert.equal(live.stateOf(one), 'empty')
    standIn.purses.set(secrets[0], 3)
    await until('it is active', () => live.stateOf(one) === 'active')
  })

  test(`${name}: a token that cools is left alone, and none is set aside for what its balance says`, async (t) => {
    const { store, standIn } = await place(t, open)
    standIn.tokenMode(secrets[1], 'auth-revoked')
    const { one, two, lines, ...live } = probing(t, store, standIn)
    live.setAside(one, 'cooling', 60_000)
    await askedAgain(standIn, 3)
    assert.deepEqual([...new Set(standIn.asked)], [secrets[1]])
    assert.deepEqual([live.stateOf(one), live.stateOf(two)], ['cooling', 'active'])
    assert.equal(await balanceOf(store, two), undefined)
    const told = lines.map(({ reason, token_id, state }) => [reason, token_id, state])
    assert.deepEqual(told, [['balance_unread', two, 'revoked']])
    assert.ok(!JSON.stringify(lines).includes('sk-'))
  })

  test(`${name}: of many replicas one asks for each token in an interval`, async (t) => {
    const { store, again, standIn } = await place(t, open)
    const stores = [store, ...(await Promise.all([again(), again()]))]
    const everyMs = 1500
    const sinceMs = performance.now()
    const replicas = stores.map((each) => probing(t, each, standIn, everyMs))
    const ids = replicas[0] ? [replicas[0].one, replicas[0].two] : []
    await until('both are read', async () => (await latest(store, ids)).size === 2)
    await Promise.all(replicas.map(({ close }) => close()))
    // A token is claimed for nine tenths of an interval, and on a slow machine a second one may have begun.
    const claims = Math.floor((performance.now() - sinceMs) / (0.9 * everyMs))
    for (const secret of secrets) {
      const count = standIn.asked.filter((each) => each === secret).length
      assert.ok(count >= 1 && count <= claims, `${count} times in ${claims} intervals`)
    }
  })
})

test('a house that closes does not wait for the upstream to tell a balance', async (t) => {
  const { store } = await openSqlitePlace(t)
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const silent = createServer((socket) => void socket.on('error', () => undefined).once('data', () => resolve()))
  await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
  t.after(() => silent.close())
  const address = silent.address()
  assert.ok(address !== null && typeof address === 'object')
  const { close } = probing(t, store, { origin: `http://127.0.0.1:${address.port}` })
  await asked
  await close()
})
