import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { QuotaPeriod } from '../../src/allowance.ts'
import { alone, credits, failed, openBooks, refusal, refusedAs, succeeded, type TestBooks } from '../support/books.ts'
import { forEachStore, type OpenStore } from '../support/stores.ts'

const evening = Date.parse('2026-11-30T23:59:00Z')
const nextDay = Date.parse('2026-12-01T00:01:00Z')

/** An account with 100 credits, of which `quota` may be spent by it or by its key. */
async function bound(t: TestContext, open: OpenStore, whose: 'account' | 'key', count: number, period: QuotaPeriod) {
  const found: TestBooks = await openBooks(t, open)
  const quota = { credits: credits(count), period }
  const accountId = await found.account(100, whose === 'account' ? { quota } : {})
  const keyId = await found.key(accountId, whose === 'key' ? { quota } : {})
  return { ...found, wanted: (price = 3) => found.request(accountId, keyId, price) }
}

forEachStore((name, open) => {
  for (const whose of ['account', 'key'] as const) {
    const named = whose === 'key' ? 'a key' : 'an account'
    for (const period of ['day', 'month', 'total'] as const) {
      test(`${name}: the quota of ${named} per ${period} counts what is held and what was charged`, async (t) => {
        t.mock.timers.enable({ apis: ['Date'], now: evening })
        const { ledger, wanted, balanced } = await bound(t, open, whose, 7, period)
        const held = await ledger.hold(wanted())
        await ledger.settle(await ledger.hold(wanted(), alone), succeeded(3))
        for (const alongside of [[], alone]) {
          const problem = await refusal(ledger.hold(wanted(), alongside))
          assert.equal(problem.code, 'quota_exceeded')
          assert.equal(problem.status, period === 'total' ? 403 : 429)
          const { resets_at: resets, ...numbers } = problem.details ?? {}
          assert.deepEqual(numbers, { limit: 7, used: 6, required: 3, period })
          assert.equal(resets, period === 'total' ? undefined : '2026-12-01T00:00:00.000Z')
          assert.equal(problem.retryAfterSeconds, period === 'total' ? undefined : 60)
        }
        await ledger.settle(await ledger.hold(wanted(1)), succeeded(1))
        await ledger.settle(held, succeeded(3))
        await balanced()
      })

      test(`${name}: the quota of ${named} per ${period} gets back what a release and a refund return`, async (t) => {
        t.mock.timers.enable({ apis: ['Date'], now: evening })
        const { ledger, wanted, balanced } = await bound(t, open, whose, 3, period)
        await ledger.release(await ledger.hold(wanted()), failed)
        const hold = await ledger.hold(wanted())
        await ledger.settle(hold, succeeded(3))
        await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
        await ledger.refund(hold.id, 'a bad picture')
        await ledger.settle(await ledger.hold(wanted(), alone), succeeded(3), alone)
        await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
        await balanced()
      })
    }

    test(`${name}: a new month opens the day and month of ${named} again, but not its total`, async (t) => {
      for (const period of ['day', 'month', 'total'] as const) {
        t.mock.timers.enable({ apis: ['Date'], now: evening })
        const { ledger, wanted, balanced } = await bound(t, open, whose, 3, period)
        await ledger.settle(await ledger.hold(wanted()), succeeded(3))
        t.mock.timers.setTime(nextDay)
        for (const alongside of [[], alone]) {
          if (period === 'total') await refusedAs('quota_exceeded', ledger.hold(wanted(), alongside))
        }
        if (period !== 'total') {
          await ledger.settle(await ledger.hold(wanted()), succeeded(3))
          await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
        }
        await balanced()
        t.mock.timers.reset()
      }
    })

    test(`${name}: what is given back belongs to the period of its hold, for ${named}`, async (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: evening })
      const { ledger, wanted, balanced } = await bound(t, open, whose, 6, 'day')
      const [released, refunded] = [await ledger.hold(wanted()), await ledger.hold(wanted())]
      await ledger.settle(refunded, succeeded(3))
      t.mock.timers.setTime(nextDay)
      await ledger.settle(await ledger.hold(wanted()), succeeded(3))
      await ledger.settle(await ledger.hold(wanted()), succeeded(3))
      await ledger.release(released, failed)
      await ledger.refund(refunded.id, 'a bad picture')
      await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
      await balanced()
    })

    test(`${name}: a clock that is behind does not open yesterday again for ${named}`, async (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: nextDay })
      const { ledger, wanted, balanced } = await bound(t, open, whose, 3, 'day')
      await ledger.settle(await ledger.hold(wanted()), succeeded(3))
      t.mock.timers.setTime(evening)
      await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
      t.mock.timers.setTime(nextDay)
      await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
      await balanced()
    })

    test(`${name}: a lowered quota of ${named} stops new holds only`, async (t) => {
      const { ledger, store, wanted, balanced } = await bound(t, open, whose, 9, 'month')
      const hold = await ledger.hold(wanted())
      const table = whose === 'key' ? 'keys' : 'accounts'
      await store.write([{ sql: `UPDATE ${table} SET quota_credits = 1`, params: [] }])
      await refusedAs('quota_exceeded', ledger.hold(wanted(1)))
      await ledger.settle(hold, succeeded(3))
      await balanced()
    })
  }
})
