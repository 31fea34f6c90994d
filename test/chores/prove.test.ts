import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startProving } from '../../src/chores/prove.ts'
import { openLog } from '../../src/log.ts'
import { openBooks, succeeded } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

function listener() {
  const lines: Record<string, unknown>[] = []
  const log = openLog('info', false, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  return { lines, log }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 1000; !holds(); tries--) {
    assert.ok(tries > 0, 'it never came to be')
    await new Promise((wake) => setTimeout(wake, 5))
  }
}

forEachStore((name, open) => {
  test(`${name}: the ledger is recomputed by itself, a fault is told at once, and mended books end it`, async (t) => {
    const { store, ledger, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(20)
    const keyId = await key(accountId)
    await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
    const { lines, log } = listener()
    const proving = startProving(store, log, 5)
    t.after(() => proving.close())
    await until(() => proving.proof() !== undefined)
    assert.equal(proving.proof()?.imbalance, 0n)
    await store.write([{ sql: 'UPDATE accounts SET posted = posted + 7', params: [] }])
    await until(() => (proving.proof()?.imbalance ?? 0n) > 0n)
    assert.equal(proving.proof()?.imbalance, 7n)
    assert.equal(lines.find((line) => line['reason'] === 'imbalance')?.['credits'], '0.000007')
    await store.write([{ sql: 'UPDATE accounts SET posted = posted - 7', params: [] }])
    await until(() => proving.proof()?.imbalance === 0n)
    await balanced()
  })

  test(`${name}: calls that come and go meanwhile are no fault`, async (t) => {
    const { store, ledger, account, key, request, balanced } = await openBooks(t, open)
    const accounts = await Promise.all(Array.from({ length: 20 }, () => account(100)))
    const { lines, log } = listener()
    const proving = startProving(store, log, 1)
    await Promise.all(
      accounts.map(async (accountId) => {
        const keyId = await key(accountId)
        for (let call = 0; call < 20; call++) {
          await ledger.settle(await ledger.hold(request(accountId, keyId)), succeeded(3))
        }
      }),
    )
    await until(() => proving.proof() !== undefined)
    await proving.close()
    assert.deepEqual(
      lines.filter((line) => line['reason'] === 'imbalance'),
      [],
    )
    await balanced()
  })
})
