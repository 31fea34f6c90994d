import { openHolds } from '../ledger/statement.ts'
import type { Store } from '../store/store.ts'
import { latest } from '../upstream/token-balances.ts'

/** What the database says, the same at every replica; a part is missing until it is known. */
export type HouseFigures = {
  /** Whether the database could not be asked in time, so that these are older figures. */
  readonly stale: boolean
  readonly holds?: { readonly open: number; readonly oldestSeconds: number }
  readonly proof?: { readonly imbalance: number; readonly atSeconds: number } | undefined
  readonly balances?: readonly { readonly token: string; readonly credits: number; readonly atSeconds: number }[]
}

const usualFreshMs = 10_000
const usualPatienceMs = 1000

type Rooms = {
  readonly store: Store
  readonly tokenIds: () => readonly string[]
  readonly proof: () => { readonly imbalance: bigint; readonly atMs: number } | undefined
  readonly freshMs?: number
  readonly patienceMs?: number
}

/**
 * Reads the figures of the house at most every ten seconds however often they are asked for, and lets nobody wait
 * longer than a second: whoever comes while the database does not answer gets the last ones, marked as stale.
 */
export function openHouseFigures(rooms: Rooms): () => Promise<HouseFigures> {
  const { store, tokenIds, proof, freshMs = usualFreshMs, patienceMs = usualPatienceMs } = rooms
  let known: Omit<HouseFigures, 'stale' | 'proof'> = {}
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    const [holds, balances] = await Promise.all([openHolds(store), latest(store, tokenIds())])
    const oldestSeconds = holds.oldestAtMs === null ? 0 : Math.max(0, (Date.now() - holds.oldestAtMs) / 1000)
    known = {
      holds: { open: holds.open, oldestSeconds },
      balances: [...balances].map(([token, { credits, atMs }]) => {
        return { token, credits: credits / 1_000_000, atSeconds: atMs / 1000 }
      }),
    }
    readAtMs = performance.now()
  }

  const isFresh = () => performance.now() - readAtMs < freshMs

  return async () => {
    if (!isFresh()) {
      reading ??= read().finally(() => {
        reading = undefined
      })
      await inTime(reading, patienceMs)
    }
    const proved = proof()
    return {
      stale: !isFresh(),
      ...known,
      proof: proved && { imbalance: Number(proved.imbalance) / 1_000_000, atSeconds: proved.atMs / 1000 },
    }
  }
}

/** Waits for a reading, but not long; a failed one says no more than a late one. */
function inTime(reading: Promise<void>, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patienceMs)
    reading
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(timer)
        resolve()
      })
  })
}
