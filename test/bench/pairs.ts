/**
 * Holds and settles per second on both stores, many in flight, by one account with eight keys or by 64 accounts;
 * `alone` is without sharing a statement among many calls.
 * node test/bench/pairs.ts
 *
 * Last numbers (2 cores that others used too, so only the ratios tell), pairs per second with 64 and 512 in flight:
 * SQLite 5968 and 8832; PostgreSQL together 1984 and 2368, alone 281 with 64. This process spent 154, 45 and 749 us a pair.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { millionths } from '../../src/credits.ts'
import { newId } from '../../src/ids.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { type Ledger, openLedger, type Request } from '../../src/ledger/ledger.ts'
import { books } from '../../src/ledger/statement.ts'
import { openStore } from '../../src/store/open.ts'
import type { Statement, Store } from '../../src/store/store.ts'
import { startServer } from '../support/postgres.ts'

const usualSeconds = 4
const offer = 'stable-image-core'
const price = millionths(3_000_000)
const nothing: Statement = { sql: 'SELECT 1 AS one', params: [] }

export type Buyer = Pick<Request, 'accountId' | 'keyId' | 'spendId'>

/** New accounts with live keys, who can pay for everything. */
export async function buyers(store: Store, accounts: number, keysEach: number): Promise<Buyer[]> {
  const found: Buyer[] = []
  for (let account = 0; account < accounts; account++) {
    const { id: accountId, unit } = openAccounts(store).creating('bench', null)
    await store.write(unit)
    await openLedger(store, 'bench').grant({ accountId, credits: millionths(9e15), reason: 'bench' })
    for (let key = 0; key < keysEach; key++) {
      const { id: keyId, unit } = openKeys(store, 0).issuing(accountId, { name: 'bench' })
      await store.write(unit)
      found.push({ accountId, keyId, spendId: keyId })
    }
  }
  return found
}

async function pair(ledger: Ledger, buyer: Buyer, alongside: readonly Statement[]): Promise<void> {
  const sold = { offer, mode: 'live', amount: price, price, priceVersion: 1, upstream: 'bench' } as const
  const hold = await ledger.hold(
    { id: newId('call'), ...buyer, ...sold, bytesIn: 600, clientRequestId: null },
    alongside,
  )
  const ending = { outcome: 'succeeded', reason: 'success', mayBill: false, credits: price } as const
  await ledger.settle(hold, { ...ending, tokenId: 'tok_1', attempts: '[{"tokenId":"tok_1"}]', status: 200 }, alongside)
}

/** Always so many holds and settles under way; processor time is this process's own, with its threads. */
export async function pairsPerSecond(
  ledger: Ledger,
  all: readonly Buyer[],
  inFlight: number,
  alone: boolean,
  seconds = usualSeconds,
) {
  const untilMs = performance.now() + seconds * 1000
  let pairs = 0
  const began = process.cpuUsage()
  await Promise.all(
    Array.from({ length: inFlight }, async (_, lane) => {
      const buyer = all[lane % all.length]
      if (!buyer) throw new Error('no buyer')
      while (performance.now() < untilMs) {
        await pair(ledger, buyer, alone ? [nothing] : [])
        pairs++
      }
    }),
  )
  const { user, system } = process.cpuUsage(began)
  return { 'pairs/s': Math.round(pairs / seconds), 'cpu us/pair': Math.round((user + system) / pairs) }
}

async function measure(name: string, store: Store): Promise<void> {
  const ledger = openLedger(store, 'bench')
  const crowds = { 'one account': await buyers(store, 1, 8), '64 accounts': await buyers(store, 64, 1) }
  await pairsPerSecond(ledger, crowds['64 accounts'], 64, false)
  for (const alone of [false, true]) {
    for (const [crowd, all] of Object.entries(crowds)) {
      // Alone, more than these would only wait for a connection, and be refused as busy in the end.
      for (const inFlight of alone ? [1, 64] : [1, 64, 512]) {
        const found = await pairsPerSecond(ledger, all, inFlight, alone)
        process.stdout.write(
          `${name}, ${crowd}, ${inFlight} in flight, ${alone ? 'alone' : 'together'}: ${JSON.stringify(found)}\n`,
        )
      }
    }
  }
  const { balanced } = await books(store)
  if (!balanced) throw new Error('the books do not balance')
  await store.close()
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'))
  const server = await startServer(true)
  try {
    await measure('sqlite', await openStore({ kind: 'sqlite', path: join(folder, 'house.db') }))
    await measure('postgres', await openStore({ kind: 'postgres', url: await server.database() }))
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) await main()
