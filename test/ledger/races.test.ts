import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Allowance } from '../../src/allowance.ts'
import { Problem } from '../../src/errors.ts'
import { type Hold, type Ledger, openLedger, type Request } from '../../src/ledger/ledger.ts'
import { alone, credits, failed, openBooks, succeeded } from '../support/books.ts'
import { forEachStore, type OpenStore } from '../support/stores.ts'

const tries = 1000
const room = 37

/** Two ledgers as two replicas have them; on SQLite both share the one store. */
async function replicas(t: TestContext, open: OpenStore) {
  const books = await openBooks(t, open)
  return { ...books, ledgers: [books.ledger, openLedger(await books.again(), 'other')] as const }
}

/** Holds all at once, every third by its own statements, and answers those that were given. */
async function holdAll(ledgers: readonly Ledger[], wanted: readonly Request[], refusals: readonly string[]) {
  const done = await Promise.allSettled(
    wanted.map(async (request, index) => ledgers[index % ledgers.length]?.hold(request, index % 3 === 0 ? alone : [])),
  )
  const holds: Hold[] = []
  for (const each of done) {
    if (each.status === 'fulfilled' && each.value) holds.push(each.value)
    else if (each.status === 'rejected') {
      assert.ok(each.reason instanceof Problem, String(each.reason))
      assert.ok(refusals.includes(each.reason.code), each.reason.code)
    }
  }
  return holds
}

forEachStore((name, open) => {
  const bounds: Record<
    string,
    { credits: number; account?: Partial<Allowance>; key?: Partial<Allowance>; code: string }
  > = {
    'credit for 37': { credits: 3 * room + 2, code: 'insufficient_credits' },
    'a key quota for 37': {
      credits: 1e6,
      key: { quota: { credits: credits(3 * room + 2), period: 'month' } },
      code: 'quota_exceeded',
    },
    'an account quota for 37': {
      credits: 1e6,
      account: { quota: { credits: credits(3 * room + 2), period: 'day' } },
      code: 'quota_exceeded',
    },
  }
  for (const [what, bound] of Object.entries(bounds)) {
    test(`${name}: of 1000 calls at once on two replicas with ${what}, exactly 37 are held`, async (t) => {
      const { ledgers, account, key, request, balanceOf, balanced } = await replicas(t, open)
      const accountId = await account(bound.credits, bound.account)
      const keyId = await key(accountId, bound.key)
      const wanted = Array.from({ length: tries }, () => request(accountId, keyId))
      const holds = await holdAll(ledgers, wanted, [bound.code])
      assert.equal(holds.length, room)
      assert.equal((await balanceOf(accountId)).held, credits(3 * room))
      await Promise.all(
        holds.map((hold, index) => ledgers[index % 2]?.settle(hold, succeeded(3), index % 5 ? [] : alone)),
      )
      assert.equal((await balanceOf(accountId)).posted, credits(bound.credits - 3 * room))
      await balanced()
    })
  }

  test(`${name}: calls of different prices never take more than there is, and little is left over`, async (t) => {
    const { ledgers, account, key, request, balanceOf, balanced } = await replicas(t, open)
    const accountId = await account(100)
    const keys = [await key(accountId), await key(accountId)]
    const wanted = Array.from({ length: 200 }, (_, index) =>
      request(accountId, String(keys[index % 2]), [1, 8, 3, 5][index % 4]),
    )
    const holds = await holdAll(ledgers, wanted, ['insufficient_credits', 'busy'])
    const { available } = await balanceOf(accountId)
    assert.ok(available >= 0 && available < credits(8), String(available))
    await Promise.all(holds.map((hold) => ledgers[0].release(hold, failed)))
    await balanced()
  })

  test(`${name}: many accounts, keys and both ends at once neither deadlock nor lose a line`, async (t) => {
    const { ledgers, store, account, key, request, balanced } = await replicas(t, open)
    const crowd: { accountId: string; keyId: string }[] = []
    for (let index = 0; index < 6; index++) {
      const accountId = await account(100_000)
      crowd.push({ accountId, keyId: await key(accountId) }, { accountId, keyId: await key(accountId) })
    }
    await Promise.all(
      crowd.flatMap(({ accountId, keyId }) =>
        Array.from({ length: 20 }, async (_, index) => {
          const ledger = ledgers[index % 2] ?? ledgers[0]
          const alongside = index % 4 === 0 ? alone : []
          const hold = await ledger.hold(request(accountId, keyId), alongside)
          if (index % 5 === 0) return ledger.release(hold, failed)
          await ledger.settle(hold, succeeded(index % 3), alongside)
          if (index % 7 === 0 && index % 3 > 0) await ledger.refund(hold.id, 'test')
          if (index % 6 === 0) await ledger.grant({ accountId, credits: credits(1), reason: 'more' })
        }),
      ),
    )
    const numbers = await store.read(`SELECT account_id, count(*) AS lines, max(number) AS last, min(number) AS first
      FROM entries GROUP BY account_id`)
    assert.equal(numbers.length, 6)
    for (const { lines, last, first } of numbers) assert.deepEqual([first, last], [1, lines])
    const { calls, ended } =
      (await store.read(`SELECT count(*) AS calls, count(ended_at) AS ended FROM calls`))[0] ?? {}
    assert.deepEqual([calls, ended], [240, 240])
    await balanced()
  })

  test(`${name}: a key that is revoked while calls come in is refused from then on`, async (t) => {
    const { ledger, store, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(100_000)
    const keyId = await key(accountId)
    const first = await Promise.all(Array.from({ length: 50 }, () => ledger.hold(request(accountId, keyId))))
    await store.write([{ sql: 'UPDATE keys SET revoked_at = 1 WHERE id = $1', params: [keyId] }])
    const later = Array.from({ length: 50 }, () => request(accountId, keyId))
    assert.deepEqual(await holdAll([ledger], later, ['unauthorized']), [])
    await Promise.all(first.map((hold) => ledger.settle(hold, succeeded(3))))
    await balanced()
  })
})
