import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { books, imbalance, proveStretch } from '../../src/ledger/statement.ts'
import type { Store } from '../../src/store/store.ts'
import { credits, openBooks, succeeded } from '../support/books.ts'
import { forEachStore, type OpenStore } from '../support/stores.ts'

/** Books with an open hold, a charge and a refund, on which nothing guards the entries any more. */
async function unguarded(t: TestContext, open: OpenStore) {
  const found = await openBooks(t, open)
  const { ledger, store, account, key, request } = found
  const accountId = await account(20)
  const keyId = await key(accountId)
  const charged = await ledger.hold(request(accountId, keyId))
  await ledger.settle(charged, succeeded(3))
  const refunded = await ledger.hold(request(accountId, keyId))
  await ledger.settle(refunded, succeeded(3))
  await ledger.refund(refunded.id, 'test')
  await ledger.hold(request(accountId, keyId))
  await key(await account(5))
  assert.equal(await imbalance(store), 0n)
  await dropGuards(store)
  return { ...found, accountId, charged }
}

async function dropGuards(store: Store): Promise<void> {
  const postgres = ['DROP TRIGGER entries_never_change ON entries']
  const sqlite = ['DROP TRIGGER entries_never_change', 'DROP TRIGGER entries_never_go']
  for (const sql of store.dialect === 'postgres' ? postgres : sqlite) await store.write([{ sql, params: [] }])
}

/** What all stretches together say. */
async function stretches(store: Store, most?: { accounts: number; entries: number }) {
  const sum = { accounts: 0, imbalance: 0n }
  for (let after = ''; ; ) {
    const stretch = await proveStretch(store, after, most)
    if (!stretch) return sum
    assert.ok(stretch.last > after)
    after = stretch.last
    sum.accounts += stretch.accounts
    sum.imbalance += stretch.imbalance
  }
}

const tampering: Record<string, string> = {
  'credits added to an account': `UPDATE accounts SET posted = posted + 1 WHERE entries > 1`,
  'credits taken from an account': `UPDATE accounts SET posted = posted - 1 WHERE entries > 1`,
  'a hold that is no call': `UPDATE accounts SET held = held + 1 WHERE held > 0`,
  'a call that holds more': `UPDATE calls SET held = held + 1 WHERE state = 'held'`,
  'an open hold that is gone': `DELETE FROM calls WHERE state = 'held'`,
  'a call that is open again': `UPDATE calls SET state = 'held' WHERE refunded_at IS NULL AND state = 'settled'`,
  'an entry that was changed': `UPDATE entries SET credits = credits + 1 WHERE kind = 'grant' AND posted_after > 5000000`,
  'a balance after an entry that was changed': `UPDATE entries SET posted_after = posted_after + 1 WHERE number = 2`,
  'an entry that is gone': `DELETE FROM entries WHERE kind = 'refund'`,
  'an entry that was made up': `INSERT INTO entries (account_id, number, id, kind, credits, posted_after, created_at)
    SELECT account_id, 9, 'ent_made_up', 'grant', 1, posted_after + 1, 0 FROM entries WHERE kind = 'refund'`,
  'a number that was skipped': `UPDATE entries SET number = number + 1 WHERE number = 4`,
  'a count of entries that is wrong': `UPDATE accounts SET entries = entries + 1 WHERE entries > 1`,
  'a charge that is not what the call says': `UPDATE calls SET credits = credits - 1 WHERE state = 'settled'`,
  'a charge whose call was released': `UPDATE calls SET state = 'released' WHERE state = 'settled'`,
  'a refund of another amount': `UPDATE entries SET credits = credits - 1 WHERE kind = 'refund'`,
  'a call moved to another account': `UPDATE calls SET account_id = (SELECT id FROM accounts WHERE entries = 1)
    WHERE state = 'settled' AND refunded_at IS NULL`,
}

forEachStore((name, open) => {
  for (const [what, sql] of Object.entries(tampering)) {
    test(`${name}: the books find ${what}`, async (t) => {
      const { store } = await unguarded(t, open)
      await store.write([{ sql, params: [] }])
      const found = await books(store)
      assert.equal(found.balanced, false)
      assert.deepEqual(await stretches(store, { accounts: 1, entries: 2 }), { accounts: 2, imbalance: found.imbalance })
      assert.ok(found.imbalance > 0n)
      assert.ok(found.faults.length > 0)
    })
  }

  test(`${name}: the books name the account, the fault and its size`, async (t) => {
    const { store, accountId } = await unguarded(t, open)
    await store.write([{ sql: 'UPDATE accounts SET posted = posted + 7 WHERE id = $1', params: [accountId] }])
    assert.deepEqual((await books(store)).faults, [`${accountId}: posted is not the sum of the entries (7)`])
  })

  test(`${name}: the database itself keeps an account from being overdrawn`, async (t) => {
    const { store } = await unguarded(t, open)
    for (const sql of ['UPDATE accounts SET posted = 1', 'UPDATE accounts SET held = posted + 1']) {
      await assert.rejects(store.write([{ sql, params: [] }]), /constraint/i)
    }
    await assert.rejects(store.write([{ sql: 'UPDATE calls SET credits = held + 1', params: [] }]), /constraint/i)
    assert.equal(await imbalance(store), 0n)
  })

  test(`${name}: sums are exact beyond what a double can count`, async (t) => {
    const { store, account } = await openBooks(t, open)
    for (let count = 0; count < 3; count++) await account(9_000_000_000)
    const found = await books(store)
    assert.equal(found.posted, 3n * BigInt(credits(9_000_000_000)))
    assert.equal(found.balanced, true)
  })
})
