import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { retain } from '../../src/chores/retain.ts'
import type { Credits } from '../../src/credits.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openLog } from '../../src/log.ts'
import { fileBodies } from '../../src/replays/bodies.ts'
import { openReplays } from '../../src/replays/replays.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

const dayMs = 86_400_000

async function opening(t: TestContext) {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(300)
  const { secret } = await house.key(account)
  const call = (prompt: string, idempotencyKey?: string) =>
    house.client.call(secret, { prompt }, idempotencyKey ? { headers: { 'idempotency-key': idempotencyKey } } : {})
  return { standIn, house, account, call }
}

function round(house: TestHouse, { days = 400, ttlMs = dayMs, limitBytes = 1e9 } = {}): Promise<void> {
  const replays = openReplays(house.store, fileBodies(join(house.folder, 'house.db-replays')), ttlMs)
  const rooms = {
    store: house.store,
    ledger: openLedger(house.store, 'test'),
    replays,
    log: openLog('silent', false, { write: () => undefined }),
  }
  return retain({ ...rooms, settings: { retainCallsDays: days, replayLimitBytes: limitBytes } }, () => false)
}

const kept = (house: TestHouse) => readdirSync(join(house.folder, 'house.db-replays')).length
const count = async (house: TestHouse, table: string) =>
  Number((await house.store.read(`SELECT count(*) AS n FROM ${table}`))[0]?.['n'])

test('ended calls past their days go, their entries, usage and balance stay, and open ones stay', async (t) => {
  const { standIn, house, account, call } = await opening(t)
  for (let index = 0; index < 5; index++) await call(`${index}`)
  standIn.holdAnswers()
  const open = call('open')
  await standIn.waitFor(6)
  await round(house, { days: 0 })
  assert.deepEqual([await count(house, 'calls'), await count(house, 'entries')], [1, 6])
  standIn.letGo()
  assert.equal((await open).status, 200)
  assert.equal((await house.balanceOf(account)).available, 282_000_000)
  assert.equal((await house.store.read('SELECT sum(calls) AS n FROM usage'))[0]?.['n'], 6)
  await house.balanced()
})

test('younger calls and replays are left alone', async (t) => {
  const { house, call } = await opening(t)
  await call('x', 'kept')
  await round(house)
  assert.deepEqual([await count(house, 'calls'), await count(house, 'replays'), kept(house)], [1, 1, 1])
  await house.balanced()
})

test('over the limit the oldest bytes go first, and the record of the charge stays', async (t) => {
  const { house, call } = await opening(t)
  const first = await call('x', 'first')
  const second = await call('y', 'second')
  await round(house, { limitBytes: second.body.length })
  assert.equal(kept(house), 1)
  const gone = await call('x', 'first')
  assert.deepEqual([gone.status, gone.json()['name']], [410, 'replay_gone'])
  assert.deepEqual(gone.json()['details'], { call: first.headers['x-request-id'] })
  assert.ok((await call('y', 'second')).body.equals(second.body))
  await house.balanced()
})

test('a key past its time is forgotten with its bytes, and may be used anew', async (t) => {
  const { standIn, house, call } = await opening(t)
  await call('x', 'old')
  await round(house, { ttlMs: -1 })
  assert.deepEqual([await count(house, 'replays'), kept(house)], [0, 0])
  assert.equal((await call('y', 'old')).headers['idempotent-replayed'], undefined)
  assert.equal(standIn.calls.length, 2)
  await house.balanced()
})

test('of balances read long ago the first and last of a day stay, and none is kept longer than the calls', async (t) => {
  const { house } = await opening(t)
  const day = Math.floor(Date.now() / dayMs) * dayMs - 50 * dayMs
  const times = [day, day + 1, day + 2, day + 50 * dayMs - 2 * dayMs, day + 50 * dayMs - 2 * dayMs + 1]
  const credits = 5 as Credits
  await house.store.write(times.map((atMs) => keeping('tok_x', { atMs, askedAtMs: atMs, credits })))
  await round(house)
  assert.equal(await count(house, 'token_balances'), 4)
  await round(house, { days: 10 })
  assert.equal(await count(house, 'token_balances'), 2)
})
