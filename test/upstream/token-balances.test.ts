import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credits } from '../../src/credits.ts'
import type { Store } from '../../src/store/store.ts'
import { dayMs } from '../../src/times.ts'
import {
  claim,
  creditsTold,
  forgetReadings,
  keeping,
  latest,
  type Reading,
  readings,
  tokensRead,
} from '../../src/upstream/token-balances.ts'
import { forEachStore } from '../support/stores.ts'

const one = 'tok_0f3a9c2e5b8d1406a1b2'
const other = 'tok_ffffffffffffffffffff'
const day = { startMs: Date.UTC(2026, 10, 21), endMs: Date.UTC(2026, 10, 22) }
const at = (ms: number, credits = 5): Reading => ({ atMs: ms, askedAtMs: ms - 7, credits: credits as Credits })

async function keep(store: Store, tokenId: string, ...times: readonly number[]): Promise<void> {
  await store.write(times.map((ms) => keeping(tokenId, at(ms))))
}

test("the upstream's double is read to the nearest millionth", () => {
  assert.equal(creditsTold(0.079), 79_000)
  assert.equal(creditsTold(0.1 + 0.2), 300_000)
  assert.equal(creditsTold(-1.5), -1_500_000)
  assert.equal(creditsTold(123_456_789.123_456), 123_456_789_123_456)
  for (const none of [Number.NaN, Number.POSITIVE_INFINITY, 1e300]) assert.equal(creditsTold(none), undefined)
})

forEachStore((name, open) => {
  test(`${name}: the last reading of each token is told, and none where none was read`, async (t) => {
    const { store } = await open(t)
    assert.deepEqual([await latest(store, []), await tokensRead(store)], [new Map(), []])
    await store.write([keeping(one, at(1000, 1)), keeping(one, at(2000, -2)), keeping(other, at(1500, 9e15))])
    await store.write([keeping(one, at(2000, 77))])
    assert.deepEqual(await tokensRead(store), [one, other])
    assert.deepEqual(
      await latest(store, [one, 'tok_unknown', other]),
      new Map([
        [one, at(2000, -2)],
        [other, at(1500, 9e15)],
      ]),
    )
  })

  test(`${name}: a day is read from the reading nearest to its beginning to the one nearest to its end`, async (t) => {
    const { store } = await open(t)
    const { startMs, endMs } = day
    const times = [startMs - 50, startMs - 10, startMs + 20, startMs + 5000, endMs - 30, endMs + 10, endMs + 40]
    await keep(store, one, ...times)
    await keep(store, other, startMs, endMs)
    const read = (await readings(store, one, day)).map(({ atMs }) => atMs)
    assert.deepEqual(read, times.slice(1, 6))
    const next = await readings(store, one, { startMs: endMs, endMs: endMs + dayMs })
    assert.deepEqual(
      next.map(({ atMs }) => atMs),
      times.slice(5),
    )
    assert.deepEqual(await readings(store, one, { startMs: startMs - dayMs, endMs: startMs - dayMs + 1 }), [])
    assert.deepEqual(await readings(store, 'tok_unknown', day), [])
  })

  test(`${name}: a token is asked by one replica only, and again when its time has come`, async (t) => {
    const { store, again } = await open(t)
    const stores = await Promise.all(Array.from({ length: 4 }, again))
    const claims = await Promise.all(stores.map((each) => claim(each, one, 60_000)))
    assert.deepEqual(claims.filter(Boolean), [true])
    assert.equal(await claim(store, other, 60_000), true)
    assert.equal(await claim(store, one, 60_000), false)
    await store.write([{ sql: 'UPDATE token_probes SET at = at - 60000', params: [] }])
    assert.equal(await claim(store, one, 60_000), true)
    // Who read the clock first may well write second: the claim it finds is newer than its own.
    await store.write([{ sql: 'UPDATE token_probes SET at = at + 5000', params: [] }])
    assert.equal(await claim(store, one, 60_000), false)
    // A clock that was ahead must not silence the house until the clock is there again.
    await store.write([{ sql: 'UPDATE token_probes SET at = at + 6000000', params: [] }])
    assert.equal(await claim(store, one, 60_000), true)
  })

  test(`${name}: of old days the first and last readings stay, of older ones none`, async (t) => {
    const { store } = await open(t)
    const { startMs } = day
    const hours = (token: string, ms: number) => keep(store, token, ms, ms + 1, ms + 3_600_000, ms + dayMs - 1)
    for (const token of [one, other]) {
      await hours(token, startMs - 5 * dayMs)
      await hours(token, startMs - dayMs)
      await hours(token, startMs)
    }
    const ages = { thinBeforeMs: startMs, forgetBeforeMs: startMs - 2 * dayMs }
    const counts: number[] = []
    do counts.push(await forgetReadings(store, ages, 5))
    while ((counts.at(-1) ?? 0) > 0)
    assert.deepEqual(counts, [5, 5, 2, 0])
    for (const token of [one, other]) {
      const rows = await store.read('SELECT at FROM token_balances WHERE token_id = $1 ORDER BY at', [token])
      const left = rows.map((row) => Number(row['at']) - startMs)
      assert.deepEqual(left, [-dayMs, -1, 0, 1, 3_600_000, dayMs - 1])
    }
  })
})
