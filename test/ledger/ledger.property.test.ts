import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../src/errors.ts'
import type { Hold } from '../../src/ledger/ledger.ts'
import { alone, credits, failed, openBooks, succeeded, type TestBooks } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

/** What an account and its key must look like, kept with plain additions. */
type Model = { posted: number; held: number; used: number; entries: number; calls: Map<string, Told> }
type Told = { hold: Hold; state: 'held' | 'settled' | 'released'; charged: number; refunded: boolean }
type Real = TestBooks & { readonly accountId: string; readonly keyId: string }

const quota = 40
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('hold' as const), price: fc.nat(9), by: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ verb: fc.constant('settle' as const), which: fc.nat(), part: fc.nat(9), by: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('release' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('refund' as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant('grant' as const),
      amount: fc.integer({ min: -12, max: 12 }).filter(Boolean),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never

/** Answers whether the model allows the step, and does it there. */
function expected(model: Model, told: Told | undefined, wish: Step): boolean {
  if (wish.verb === 'hold') {
    const fits = model.posted - model.held >= wish.price && (wish.price === 0 || model.used + wish.price <= quota)
    if (fits) Object.assign(model, { held: model.held + wish.price, used: model.used + wish.price })
    return fits
  }
  if (wish.verb === 'grant') {
    const fits = model.posted - model.held + wish.amount >= 0
    if (fits) Object.assign(model, { posted: model.posted + wish.amount, entries: model.entries + 1 })
    return fits
  }
  if (!told) return false
  const price = told.hold.amount / 1e6
  if (wish.verb === 'refund') {
    if (told.charged === 0 || told.refunded) return false
    told.refunded = true
    Object.assign(model, {
      posted: model.posted + told.charged,
      used: model.used - told.charged,
      entries: model.entries + 1,
    })
    return true
  }
  if (told.state !== 'held') return wish.verb === 'settle' && told.state === 'settled'
  const charged = wish.verb === 'settle' ? Math.min(wish.part, price) : 0
  Object.assign(told, { state: wish.verb === 'settle' ? 'settled' : 'released', charged })
  Object.assign(model, { posted: model.posted - charged, held: model.held - price, used: model.used - price + charged })
  if (charged > 0) model.entries++
  return true
}

/** Answers whether the ledger did it. */
async function done(real: Real, model: Model, told: Told | undefined, wish: Step): Promise<boolean> {
  const { ledger, request, accountId, keyId } = real
  try {
    if (wish.verb === 'hold') {
      const hold = await ledger.hold(request(accountId, keyId, wish.price), wish.by ? alone : [])
      model.calls.set(hold.id, { hold, state: 'held', charged: 0, refunded: false })
    } else if (wish.verb === 'grant') {
      await ledger.grant({ accountId, credits: credits(wish.amount), reason: 'test' })
    } else if (told) {
      const part = Math.min(wish.verb === 'settle' ? wish.part : 0, told.hold.amount / 1e6)
      if (wish.verb === 'settle') await ledger.settle(told.hold, succeeded(part), wish.by ? alone : [])
      if (wish.verb === 'release') return (await ledger.release(told.hold, failed)) !== undefined
      if (wish.verb === 'refund') await ledger.refund(told.hold.id, 'test')
    }
    return wish.verb === 'hold' || wish.verb === 'grant' || told !== undefined
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return false
  }
}

async function follows(real: Real, steps: readonly Step[]): Promise<void> {
  const model: Model = { posted: 25, held: 0, used: 0, entries: 1, calls: new Map() }
  for (const wish of steps) {
    const told = 'which' in wish ? [...model.calls.values()][wish.which % Math.max(1, model.calls.size)] : undefined
    const did = await done(real, model, told, wish)
    assert.equal(did, expected(model, told, wish), JSON.stringify(wish))
    const row = await real.one('SELECT posted, held, entries, total_used FROM accounts WHERE id = $1', real.accountId)
    const spend = await real.one('SELECT total_used FROM spends WHERE id = $1', real.keyId)
    const { posted, held, used, entries } = model
    assert.deepEqual(Object.values(row), [posted * 1e6, held * 1e6, entries, used * 1e6])
    assert.equal(spend['total_used'], used * 1e6)
  }
  for (const { hold, state } of model.calls.values()) if (state === 'held') await real.ledger.release(hold, failed)
}

forEachStore((name, open) => {
  test(`${name}: whatever is asked in whatever order, the ledger does what plain arithmetic says`, async (t) => {
    const books = await openBooks(t, open)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const accountId = await books.account(25)
        const keyId = await books.key(accountId, { quota: { credits: credits(quota), period: 'total' } })
        await follows({ ...books, accountId, keyId }, steps)
      }),
      { numRuns: 40 },
    )
    await books.balanced()
  })
})
