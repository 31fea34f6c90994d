import assert from 'node:assert/strict'
import { test } from 'node:test'
import { millionths } from '../../src/credits.ts'
import { openHouseFigures } from '../../src/scrape/house-figures.ts'
import type { Store } from '../../src/store/store.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { openBooks } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

/** A store whose reads can be made to wait, or to fail, as those of a database in trouble. */
function troubled(store: Store) {
  let trouble: Promise<void> | undefined
  let reads = 0
  const read: Store['read'] = async (sql, params) => {
    reads++
    await trouble
    return store.read(sql, params)
  }
  return {
    store: { ...store, read },
    reads: () => reads,
    begin: (kind: Promise<void>) => {
      trouble = kind
      kind.catch(() => undefined)
    },
    end: () => {
      trouble = undefined
    },
  }
}

const noProof = () => undefined

forEachStore((name, open) => {
  test(`${name}: holds and balances are told as they stand`, async (t) => {
    const { store, ledger, account, key, request } = await openBooks(t, open)
    const accountId = await account(20)
    const keyId = await key(accountId)
    await ledger.hold(request(accountId, keyId))
    await ledger.hold(request(accountId, keyId))
    for (const [atMs, left] of [
      [1000, 900_000_000],
      [61_000, 417_500_000],
    ] as const) {
      await store.write([keeping('tok_1', { atMs, askedAtMs: atMs, credits: millionths(left) })])
    }
    const figures = await openHouseFigures({ store, tokenIds: () => ['tok_1', 'tok_2'], proof: noProof })()
    assert.equal(figures.stale, false)
    assert.equal(figures.holds?.open, 2)
    assert.ok((figures.holds?.oldestSeconds ?? -1) >= 0)
    assert.deepEqual(figures.balances, [{ token: 'tok_1', credits: 417.5, atSeconds: 61 }])
    assert.equal(figures.proof, undefined)
  })
})

forEachStore((name, open) => {
  if (name === 'postgres') return
  test('however often they are asked for, the database is read once in a while', async (t) => {
    const { store } = await openBooks(t, open)
    const { store: counted, reads } = troubled(store)
    const figures = openHouseFigures({ store: counted, tokenIds: () => [], proof: noProof })
    for (let ask = 0; ask < 20; ask++) await Promise.all([figures(), figures()])
    assert.equal(reads(), 1)
  })

  test('a database that hangs or fails leaves the last figures, marked as stale, until it answers', async (t) => {
    const { store } = await openBooks(t, open)
    const trouble = troubled(store)
    const proof = () => ({ imbalance: 2_500_000n, atMs: 5000 })
    const figures = openHouseFigures({
      ...{ store: trouble.store, tokenIds: () => [], proof },
      freshMs: 0,
      patienceMs: 20,
    })
    const hanging = Promise.withResolvers<void>()
    trouble.begin(hanging.promise)
    assert.deepEqual(await figures(), { stale: true, proof: { imbalance: 2.5, atSeconds: 5 } })
    hanging.resolve()
    trouble.end()
    for (let tries = 200; !(await figures()).holds; tries--) assert.ok(tries > 0)
    trouble.begin(Promise.reject(new Error('gone')))
    const late = await figures()
    assert.deepEqual([late.stale, late.holds], [true, { open: 0, oldestSeconds: 0 }])
  })
})
