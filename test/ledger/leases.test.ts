import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLeases } from '../../src/ledger/leases.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openBooks } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

const minutes = 60_000

forEachStore((name, open) => {
  // SQLite has one server and its clock is that of the machine.
  if (name === 'sqlite') return
  for (const [how, ms] of [
    ['ahead', 5 * minutes],
    ['behind', -5 * minutes],
  ] as const) {
    test(`${name}: a replica whose clock is five minutes ${how} keeps its lease and ends no other's`, async (t) => {
      const { store, account, key, request, balanced } = await openBooks(t, open)
      const accountId = await account(100)
      const keyId = await key(accountId)
      const [wrong, right] = ['wrong', 'right'].map((owner) => openLeases(store, owner))
      const real = Date.now
      const withWrongClock = async <Result>(work: () => Promise<Result>): Promise<Result> => {
        Date.now = () => real() + ms
        return work().finally(() => {
          Date.now = real
        })
      }
      await right?.renew()
      await withWrongClock(async () => wrong?.renew())
      const ledgers = [openLedger(store, 'wrong'), openLedger(store, 'right')]
      const holds = await Promise.all(ledgers.map((ledger) => ledger.hold(request(accountId, keyId))))
      assert.deepEqual(await right?.gone(), [])
      assert.deepEqual(await withWrongClock(async () => wrong?.gone()), [])
      await store.write([{ sql: `UPDATE instances SET until = 1 WHERE id = 'right'`, params: [] }])
      assert.deepEqual(await withWrongClock(async () => wrong?.gone()), ['right'])
      for (const [index, ledger] of ledgers.entries()) await ledger.recover(index === 0 ? 'wrong' : 'right')
      assert.equal(holds.length, 2)
      await balanced()
    })
  }
})
