import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger, RefusedAlongside } from '../../src/ledger/ledger.ts'
import { alone, credits, failed, openBooks, refusal, refusedAs, succeeded } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

forEachStore((name, open) => {
  test(`${name}: a grant, a hold and a settle leave the entries they should`, async (t) => {
    const { ledger, store, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    assert.deepEqual(hold.balance, { posted: credits(10), held: credits(3), available: credits(7) })
    const after = { posted: credits(7), held: 0, available: credits(7) }
    assert.deepEqual(await ledger.settle(hold, succeeded(3)), after)
    assert.deepEqual(await balanceOf(accountId), after)
    const entries = await store.read('SELECT number, kind, credits, posted_after, call_id FROM entries ORDER BY number')
    assert.deepEqual(
      entries.map((row) => Object.values(row)),
      [
        [1, 'grant', 10_000_000, 10_000_000, null],
        [2, 'charge', -3_000_000, 7_000_000, hold.id],
      ],
    )
    await balanced()
  })

  test(`${name}: a call is charged once, however often it is settled`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    const tries = [1, 2, 3, 4].map((count) => ledger.settle(hold, succeeded(3), count % 2 ? alone : []))
    for (const balance of await Promise.all(tries)) assert.equal(balance.available, credits(7))
    assert.equal((await balanceOf(accountId)).posted, credits(7))
    await balanced()
  })

  test(`${name}: a hold that was released cannot be settled`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    assert.equal((await ledger.release(hold, failed))?.available, credits(10))
    await refusedAs('hold_expired', ledger.settle(hold, succeeded(3)))
    await refusedAs('hold_expired', ledger.settle(hold, succeeded(3), alone))
    assert.equal(await ledger.release(hold, failed), undefined)
    assert.equal((await balanceOf(accountId)).posted, credits(10))
    await balanced()
  })

  test(`${name}: of a settle and a release at once exactly one has its way`, async (t) => {
    const { ledger, account, key, request, one, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const keyId = await key(accountId)
    for (let round = 0; round < 12; round++) {
      const hold = await ledger.hold(request(accountId, keyId))
      const [settled, released] = await Promise.allSettled([
        ledger.settle(hold, succeeded(3), round % 2 ? alone : []),
        ledger.release(hold, failed),
      ])
      const { state } = await one('SELECT state FROM calls WHERE id = $1', hold.id)
      assert.equal(settled.status === 'fulfilled', state === 'settled')
      assert.equal(released.status === 'fulfilled' && released.value !== undefined, state === 'released')
    }
    await balanced()
  })

  test(`${name}: what is not charged of a hold is free again, and its quota too`, async (t) => {
    const { ledger, account, key, request, balanceOf, one, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const keyId = await key(accountId)
    for (const [index, alongside] of [[], alone].entries()) {
      const hold = await ledger.hold(request(accountId, keyId, 5))
      await ledger.settle(hold, succeeded(1.25), alongside)
      assert.equal((await balanceOf(accountId)).available, credits(10 - 1.25 * (index + 1)))
    }
    for (const table of ['accounts', 'spends']) {
      const used = await one(`SELECT day_used, month_used, total_used FROM ${table}`)
      assert.deepEqual(Object.values(used), [2_500_000, 2_500_000, 2_500_000])
    }
    await balanced()
  })

  test(`${name}: more than was held is never charged`, async (t) => {
    const { ledger, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    await assert.rejects(ledger.settle(hold, succeeded(4)), /more than it holds/)
    await ledger.release(hold, failed)
    await balanced()
  })

  test(`${name}: a test call runs through the books and costs nothing`, async (t) => {
    const { ledger, account, key, request, balanceOf, one, balanced } = await openBooks(t, open)
    const accountId = await account(0)
    const keyId = await key(accountId, { mode: 'test', quota: { credits: credits(1), period: 'day' } })
    const hold = await ledger.hold(request(accountId, keyId, 3, { mode: 'test', amount: credits(0) }))
    await ledger.settle(hold, succeeded(0))
    assert.equal((await balanceOf(accountId)).posted, 0)
    const usage = await one('SELECT mode, calls, succeeded, credits FROM usage')
    assert.deepEqual(Object.values(usage), ['test', 1, 1, 0])
    await balanced()
  })

  test(`${name}: too few credits refuse a hold and say how many are there`, async (t) => {
    const { ledger, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(2.5)
    const keyId = await key(accountId)
    for (const alongside of [[], alone]) {
      const problem = await refusal(ledger.hold(request(accountId, keyId), alongside))
      assert.equal(problem.code, 'insufficient_credits')
      assert.deepEqual(problem.details, { required: 3, available: 2.5 })
    }
    await balanced()
  })

  const changes = {
    'a suspended account': [`UPDATE accounts SET status = 'suspended'`, 'account_suspended'],
    'a closed account': [`UPDATE accounts SET status = 'closed'`, 'account_suspended'],
    'a revoked key': ['UPDATE keys SET revoked_at = 5', 'unauthorized'],
    'an expired key': ['UPDATE keys SET expires_at = 5', 'unauthorized'],
  } as const
  for (const [what, [sql, code]] of Object.entries(changes)) {
    test(`${name}: ${what} is noticed inside the hold, and calls in flight still end`, async (t) => {
      const { ledger, store, account, key, request, balanced } = await openBooks(t, open)
      const accountId = await account(10)
      const keyId = await key(accountId)
      const hold = await ledger.hold(request(accountId, keyId))
      await store.write([{ sql, params: [] }])
      for (const alongside of [[], alone]) await refusedAs(code, ledger.hold(request(accountId, keyId), alongside))
      await ledger.settle(hold, succeeded(3))
      await balanced()
    })
  }

  test(`${name}: a key cannot spend another account's credits`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const [rich, poor] = [await account(10), await account(0)]
    const keyId = await key(poor)
    for (const alongside of [[], alone]) {
      await assert.rejects(ledger.hold(request(rich, keyId), alongside))
    }
    assert.equal((await balanceOf(rich)).available, credits(10))
    await balanced()
  })

  test(`${name}: what is given alongside is written with the hold or not at all`, async (t) => {
    const { ledger, store, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(4)
    const keyId = await key(accountId)
    const mark = { sql: `INSERT INTO spends VALUES ('mark', 0, 0, 0, 0)`, params: [] }
    const never = { sql: `UPDATE spends SET day = 1 WHERE id = 'none'`, params: [], must: 'claimed' }
    await assert.rejects(ledger.hold(request(accountId, keyId), [mark, never]), RefusedAlongside)
    await refusedAs('insufficient_credits', ledger.hold(request(accountId, keyId, 5), [mark]))
    assert.deepEqual(await store.read(`SELECT * FROM spends WHERE id = 'mark'`), [])
    const hold = await ledger.hold(request(accountId, keyId), [mark])
    assert.equal((await store.read(`SELECT * FROM spends WHERE id = 'mark'`)).length, 1)
    await ledger.release(hold, failed)
    await balanced()
  })

  test(`${name}: the same call id holds once`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const wanted = request(accountId, await key(accountId))
    const done = await Promise.allSettled([ledger.hold(wanted), ledger.hold(wanted), ledger.hold(wanted, alone)])
    const holds = done.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    assert.equal(holds.length, 1)
    assert.equal((await balanceOf(accountId)).held, credits(3))
    for (const hold of holds) await ledger.release(hold, failed)
    await balanced()
  })

  test(`${name}: a charge is refunded once, and the call stays settled`, async (t) => {
    const { ledger, account, key, request, balanceOf, one, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    await refusedAs('conflict', ledger.refund(hold.id, 'too early'))
    await ledger.settle(hold, succeeded(3))
    const done = await Promise.allSettled(['a', 'b', 'c'].map((reason) => ledger.refund(hold.id, reason)))
    assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 1)
    await refusedAs('already_refunded', ledger.refund(hold.id, 'again'))
    await refusedAs('not_found', ledger.refund('call_none', 'who'))
    assert.equal((await balanceOf(accountId)).available, credits(10))
    assert.equal((await one('SELECT state FROM calls')).state, 'settled')
    assert.equal((await one('SELECT credits FROM usage')).credits, 0)
    await balanced()
  })

  test(`${name}: undo ends a call of which nothing was delivered, whatever its state`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const keyId = await key(accountId)
    const [held, settled] = [await ledger.hold(request(accountId, keyId)), await ledger.hold(request(accountId, keyId))]
    await ledger.settle(settled, succeeded(3))
    assert.equal(await ledger.undo(held, failed), 'released')
    assert.equal(await ledger.undo(settled, failed), 'refunded')
    assert.equal(await ledger.undo(held, failed), 'nothing to undo')
    assert.equal(await ledger.undo(settled, failed), 'nothing to undo')
    assert.equal((await balanceOf(accountId)).available, credits(10))
    await balanced()
  })

  test(`${name}: a grant with the same reference happens once, and another one with it is refused`, async (t) => {
    const { ledger, account, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(0)
    const gift = { accountId, credits: credits(5), reason: 'invoice 7', reference: 'invoice-7' }
    const entries = await Promise.all([1, 2, 3, 4, 5].map(() => ledger.grant(gift)))
    assert.equal(new Set(entries.map(({ id }) => id)).size, 1)
    assert.equal((await balanceOf(accountId)).posted, credits(5))
    await refusedAs('idempotency_conflict', ledger.grant({ ...gift, credits: credits(6) }))
    await refusedAs('idempotency_conflict', ledger.grant({ ...gift, reason: 'invoice 8' }))
    const other = await account(0)
    assert.equal((await ledger.grant({ ...gift, accountId: other })).postedAfter, credits(5))
    await balanced()
  })

  test(`${name}: taking back never goes below what is available`, async (t) => {
    const { ledger, account, key, request, balanceOf, balanced } = await openBooks(t, open)
    const accountId = await account(10)
    const hold = await ledger.hold(request(accountId, await key(accountId)))
    const back = (count: number) => ledger.grant({ accountId, credits: credits(-count), reason: 'wrong invoice' })
    await refusedAs('conflict', back(8))
    assert.equal((await back(7)).kind, 'adjust')
    await refusedAs('conflict', back(0.000001))
    await ledger.settle(hold, succeeded(3))
    assert.deepEqual(await balanceOf(accountId), { posted: 0, held: 0, available: 0 })
    await balanced()
  })

  test(`${name}: an account cannot own more than can be counted, nor a closed one be granted`, async (t) => {
    const { ledger, store, account, balanced } = await openBooks(t, open)
    const accountId = await account(9_000_000_000 - 1)
    const gift = (count: number) => ledger.grant({ accountId, credits: credits(count), reason: 'test' })
    await refusedAs('conflict', gift(2))
    assert.equal((await gift(1)).postedAfter, 9_000_000_000_000_000)
    await refusedAs('not_found', ledger.grant({ accountId: 'acc_none', credits: credits(1), reason: 'test' }))
    await store.write([{ sql: `UPDATE accounts SET status = 'closed'`, params: [] }])
    await refusedAs('conflict', gift(-1))
    await balanced()
  })

  test(`${name}: recovery releases the holds of the owner that is gone and no other`, async (t) => {
    const { ledger, store, account, key, request, balanceOf, one, balanced } = await openBooks(t, open)
    const accountId = await account(1000)
    const keyId = await key(accountId)
    const dead = openLedger(store, 'dead')
    const left = await Promise.all(Array.from({ length: 230 }, () => dead.hold(request(accountId, keyId))))
    const own = await ledger.hold(request(accountId, keyId))
    const counts = await Promise.all([ledger.recover('dead'), openLedger(store, 'third').recover('dead')])
    assert.equal(counts[0] + counts[1], left.length)
    assert.equal((await balanceOf(accountId)).held, credits(3))
    const call = await one('SELECT outcome, reason, upstream_may_bill FROM calls WHERE owner = $1 LIMIT 1', 'dead')
    assert.deepEqual(Object.values(call), ['recovered', 'recovered_release', 1])
    assert.equal(await ledger.recover('dead'), 0)
    await ledger.settle(own, succeeded(3))
    await balanced()
  })

  test(`${name}: ended calls can be forgotten, and the books still balance`, async (t) => {
    const { ledger, store, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const keyId = await key(accountId)
    for (let count = 0; count < 5; count++)
      await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
    const open5 = await ledger.hold(request(accountId, keyId))
    assert.equal(await ledger.forgetCalls('call_z', 3), 3)
    assert.equal(await ledger.forgetCalls('call_z', 30), 2)
    assert.equal((await store.read('SELECT id FROM calls')).length, 1)
    await ledger.release(open5, failed)
    await balanced()
  })

  test(`${name}: a rotated key goes on with the counter of its predecessor`, async (t) => {
    const { ledger, store, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const quota = { credits: credits(6), period: 'total' } as const
    const first = await key(accountId, { quota })
    const { id: second, unit } = openKeys(store, 0).issuing(accountId, { name: 'successor', quota })
    await store.write([...unit, { sql: 'UPDATE keys SET spend_id = $1 WHERE id = $2', params: [first, second] }])
    await ledger.settle(await ledger.hold(request(accountId, first)), succeeded(3))
    await ledger.settle(await ledger.hold(request(accountId, second, 3, { spendId: first })), succeeded(3))
    await refusedAs('quota_exceeded', ledger.hold(request(accountId, second, 3, { spendId: first })))
    await balanced()
  })
})
