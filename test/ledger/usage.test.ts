import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Hold } from '../../src/ledger/ledger.ts'
import { type Grouping, groupings, type Place, type Usage, type UsageFilter, usage } from '../../src/ledger/usage.ts'
import { sumDay } from '../../src/ledger/usage-days.ts'
import { orderOf } from '../../src/ledger/usage-texts.ts'
import type { Store } from '../../src/store/store.ts'
import { dayMs, dayOf } from '../../src/times.ts'
import { alone, failed, openBooks, succeeded, type TestBooks } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

type Told = Omit<Usage, 'mode'>
type Sums = { calls: number; succeeded: number; failed: number; credits: bigint }

/** What a report must say, summed call by call. */
async function summed(store: Store, filter: Omit<UsageFilter, 'limit'>): Promise<Told[]> {
  const { accountId, firstDay = 0, lastDay = 99_999_999 } = filter
  const sums = new Map<string, Sums>()
  for (const call of await store.read(`SELECT * FROM calls WHERE state <> 'held'`)) {
    const day = Number(call['day'])
    if (day < firstDay || day > lastDay || (accountId !== undefined && call['account_id'] !== accountId)) continue
    const place = JSON.stringify([...orderOf(filter).map((column) => call[column]), call['mode']])
    const sum = sums.get(place) ?? { calls: 0, succeeded: 0, failed: 0, credits: 0n }
    const good = call['outcome'] === 'succeeded'
    sums.set(place, {
      ...{ calls: sum.calls + 1, succeeded: sum.succeeded + (good ? 1 : 0), failed: sum.failed + (good ? 0 : 1) },
      credits: sum.credits + (call['refunded_at'] === null ? BigInt(Number(call['credits'])) : 0n),
    })
  }
  const rows = [...sums].map(([place, sum]) => ({ place: JSON.parse(place) as Place, ...sum }))
  return rows.sort(({ place: one }, { place: other }) => {
    const at = one.findIndex((value, index) => value !== other[index])
    return String(one[at]) < String(other[at]) ? 1 : -1
  })
}

/** The report as it is read page by page. */
async function read(store: Store, filter: Omit<UsageFilter, 'limit'>, limit: number): Promise<Told[]> {
  const found: Told[] = []
  for (let after: Place | undefined; ; ) {
    const rows = (await usage(store, { ...filter, after, limit: limit + 1 })).map(({ mode: _, ...row }) => row)
    found.push(...rows.slice(0, limit))
    if (rows.length <= limit) return found
    after = rows[limit - 1]?.place
  }
}

type Wish = {
  readonly by: readonly Grouping[]
  readonly account?: number | undefined
  readonly first?: number | undefined
  readonly days?: number | undefined
  readonly limit: number
}
const wish: fc.Arbitrary<Wish> = fc.record({
  by: fc.subarray<Grouping>([...groupings]),
  account: fc.option(fc.nat(2), { nil: undefined }),
  first: fc.option(fc.integer({ min: -5, max: 140 }), { nil: undefined }),
  days: fc.option(fc.constantFrom(0, 1, 2, 9, 31, 61, 62, 70, 150), { nil: undefined }),
  limit: fc.constantFrom(1, 2, 7, 50),
})
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constant('hold' as const),
      account: fc.nat(2),
      key: fc.nat(2),
      other: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ verb: fc.constant('end' as const), which: fc.nat(), good: fc.boolean(), by: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('refund' as const), which: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('wait' as const), days: fc.constantFrom(0.4, 1, 2.2, 30) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('sum' as const), days: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('look' as const), wish }) },
)
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never

type Scene = TestBooks & {
  readonly t: TestContext
  readonly startMs: number
  readonly owners: readonly { readonly id: string; readonly keys: readonly string[] }[]
}

async function scene(t: TestContext, books: TestBooks): Promise<Scene> {
  const owners = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const id = await books.account(10_000)
      return { id, keys: [await books.key(id), await books.key(id), await books.key(id, { mode: 'test' })] }
    }),
  )
  return { ...books, t, startMs: Date.now(), owners }
}

async function look({ store, owners, startMs }: Scene, { by, account, first, days, limit }: Wish) {
  const firstMs = startMs + (first ?? 0) * dayMs
  const filter = {
    ...{ by, accountId: account === undefined ? undefined : owners[account]?.id },
    firstDay: first === undefined ? undefined : dayOf(firstMs),
    lastDay: days === undefined ? undefined : dayOf(firstMs + days * dayMs),
  }
  assert.deepEqual(await read(store, filter, limit), await summed(store, filter), JSON.stringify(filter))
}

async function follow(scene: Scene, steps: readonly Step[]): Promise<void> {
  const { ledger, store, owners, request, t } = scene
  const holds: Hold[] = []
  const charged: string[] = []
  for (const each of steps) {
    if (each.verb === 'hold') {
      const owner = owners[each.account]
      const key = owner?.keys[each.key]
      assert.ok(owner && key)
      const [mode, price] = each.key === 2 ? (['test', 0] as const) : (['live', 3] as const)
      const offer = each.other ? 'other' : 'stable-image-core'
      holds.push(await ledger.hold(request(owner.id, key, price, { mode, offer })))
    } else if (each.verb === 'end') {
      const [hold] = holds.splice(each.which % Math.max(1, holds.length), 1)
      if (!hold) continue
      const price = hold.amount / 1e6
      if (each.good) await ledger.settle(hold, succeeded(price), each.by ? alone : [])
      else await ledger.release(hold, failed)
      if (each.good && price > 0) charged.push(hold.id)
    } else if (each.verb === 'refund') {
      const [id] = charged.splice(each.which % Math.max(1, charged.length), 1)
      if (id) await ledger.refund(id, 'test')
    } else if (each.verb === 'wait') {
      t.mock.timers.setTime(Date.now() + Math.floor(each.days * dayMs))
    } else if (each.verb === 'sum') {
      for (let days = each.days; days >= 0; days--) await sumDay(store, Date.now())
    } else {
      await look(scene, each.wish)
    }
  }
  for (const hold of holds) await ledger.release(hold, failed)
}

/** Every report there is, over what the steps have left. */
async function lookAll(scene: Scene): Promise<void> {
  for (let bits = 0; bits < 2 ** groupings.length; bits++) {
    const by = groupings.filter((_, index) => bits & (1 << index))
    for (const account of [undefined, 1]) {
      for (const [first, days] of [
        [undefined, undefined],
        [0, 0],
        [1, 30],
        [3, 90],
        [undefined, 40],
        [20, undefined],
      ]) {
        await look(scene, { by, account, first, days, limit: 3 })
      }
    }
  }
}

forEachStore((name, open) => {
  test(`${name}: every report says what its calls add up to, whatever was added up before and refunded since`, async (t) => {
    const books = await openBooks(t, open)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const all = await scene(t, books)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => follow(all, steps)),
      { numRuns: 25, endOnFailure: true },
    )
    await lookAll(all)
    while (await sumDay(books.store, Date.now()));
    await lookAll(all)
    await books.balanced()
  })

  test(`${name}: refunds that come while their day is added up are not lost`, async (t) => {
    const books = await openBooks(t, open)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
    const all = await scene(t, books)
    const [owner] = all.owners
    const key = owner?.keys[0]
    assert.ok(owner && key)
    const ids: string[] = []
    for (let count = 0; count < 12; count++) {
      const hold = await books.ledger.hold(books.request(owner.id, key))
      await books.ledger.settle(hold, succeeded(3))
      ids.push(hold.id)
    }
    t.mock.timers.setTime(Date.now() + 3 * dayMs)
    const work = ids.flatMap((id, index) => [
      books.ledger.refund(id, 'test'),
      sumDay(books.store, Date.now()),
      usage(books.store, { by: index % 2 ? [] : ['day'], limit: 50 }),
    ])
    await Promise.all(work)
    while (await sumDay(books.store, Date.now()));
    assert.equal((await usage(books.store, { by: [], limit: 2 }))[0]?.credits, 0n)
    assert.deepEqual(await books.store.read('SELECT * FROM usage_late'), [])
    await lookAll(all)
    await books.balanced()
  })

  test(`${name}: a clock that was ahead for a while hides no call`, async (t) => {
    const books = await openBooks(t, open)
    const nowMs = Date.now()
    t.mock.timers.enable({ apis: ['Date'], now: nowMs })
    const all = await scene(t, books)
    const [one, two] = all.owners
    assert.ok(one?.keys[0] && two?.keys[0])
    const buy = async (account: string, key: string) =>
      books.ledger.settle(await books.ledger.hold(books.request(account, key)), succeeded(3))
    await buy(one.id, one.keys[0])
    t.mock.timers.setTime(nowMs + 400 * dayMs)
    while (await sumDay(books.store, Date.now()));
    t.mock.timers.setTime(nowMs)
    await buy(two.id, two.keys[0])
    await lookAll(all)
    while (await sumDay(books.store, Date.now()));
    await buy(two.id, two.keys[0])
    t.mock.timers.setTime(nowMs + 4 * dayMs)
    while (await sumDay(books.store, Date.now()));
    await lookAll(all)
    await books.balanced()
  })

  test(`${name}: sums beyond what a double counts are exact`, async (t) => {
    const books = await openBooks(t, open)
    const row = `INSERT INTO usage (day, account_id, key_id, offer, mode, calls, succeeded, failed, credits)
      VALUES (20200101, $1, $1, 'offer', 'live', 1, 1, 0, $2)`
    const month = row.replace('usage (day,', 'usage_months (month,')
    const all = [9_007_199_254_740_991, 9_007_199_254_740_991, 2]
    await books.store.write(all.map((credits, index) => ({ sql: row, params: [`acc_${index}`, credits] })))
    await books.store.write([{ sql: month.replace('20200101', '202001'), params: ['acc_0', all[0] ?? 0] }])
    await books.store.write([{ sql: 'UPDATE usage_months SET credits = credits + credits - 1', params: [] }])
    for (const round of ['from the lines', 'from the sums']) {
      const [sum] = await usage(books.store, { by: ['day'], limit: 2 })
      assert.equal(sum?.credits, 18_014_398_509_481_984n, round)
      while (await sumDay(books.store, Date.now()));
    }
    const [byMonth] = await usage(books.store, { by: ['account'], limit: 2 })
    assert.equal(byMonth?.credits, 18_014_398_509_481_981n)
  })
})
