import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveCalls, type TokenCall } from '../../src/ledger/token-calls.ts'
import { credits, openBooks, succeeded } from '../support/books.ts'
import { forEachStore } from '../support/stores.ts'

const tokenId = 'tok_0f3a9c2e5b8d1406a1b2'

forEachStore((name, open) => {
  test(`${name}: the live calls of a span are told with their token, whatever became of them`, async (t) => {
    const { store, ledger, account, key, request, balanced } = await openBooks(t, open)
    const accountId = await account(100)
    const keyId = await key(accountId)
    const startMs = Date.now()
    const good = await ledger.hold(request(accountId, keyId))
    const lost = await ledger.hold(request(accountId, keyId))
    const running = await ledger.hold(request(accountId, keyId))
    const trial = await ledger.hold(request(accountId, keyId, 0, { mode: 'test' }))
    await ledger.settle(good, { ...succeeded(3), tokenId })
    const unknown = { outcome: 'unknown', reason: 'upstream_reset', mayBill: true, credits: credits(0) } as const
    await ledger.release(lost, { ...unknown, tokenId })
    const endMs = Date.now()

    async function told(span: { startMs: number; endMs: number }): Promise<readonly TokenCall[]> {
      const found: TokenCall[] = []
      for await (const page of liveCalls(store, span)) found.push(...page)
      return found
    }

    const found = await told({ startMs, endMs })
    assert.deepEqual(
      found.map(({ id, tokenId: token, state, mayBill, credits: charged }) => [id, token, state, mayBill, charged]),
      [
        [good.id, tokenId, 'settled', false, credits(3)],
        [lost.id, tokenId, 'released', true, 0],
        [running.id, null, 'held', false, 0],
      ],
    )
    const ended = found.map(({ endedAtMs }) => endedAtMs !== null && endedAtMs >= startMs && endedAtMs <= endMs)
    assert.deepEqual(ended, [true, true, false])
    // Of those that ended before nothing is told; one that runs is under way until it ends.
    const later = await told({ startMs: endMs + 1, endMs: endMs + 2 })
    assert.deepEqual(
      later.map(({ id }) => id),
      [running.id],
    )
    assert.deepEqual(await told({ startMs: startMs - 2000, endMs: startMs - 1000 }), [])
    await ledger.release(running, unknown)
    await ledger.settle(trial, succeeded(0))
    await balanced()
  })
})
