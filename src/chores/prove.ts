import type { Logger } from 'pino'
import { formatSum } from '../credits.ts'
import { proveStretch } from '../ledger/statement.ts'
import type { Store } from '../store/store.ts'
import { pause, startRounds } from './rounds.ts'

export type Proof = { readonly imbalance: bigint; readonly atMs: number }

export type Proving = {
  /** Millionths that could not be explained, and when the ledger was last gone through; undefined until it was. */
  proof(): Proof | undefined
  close(): Promise<void>
}

/** Of the time of the database's readers, a round takes no more than the tenth part. */
const restsPerStretch = 9

/**
 * Recomputes the ledger over and over, a few accounts at a time: in a house of many years the whole of it would hold up
 * every other reader for seconds. What is found is told at once, and stands until a whole round has found nothing.
 */
export function startProving(store: Store, log: Logger, everyMs = 300_000): Proving {
  let proof: Proof | undefined

  async function round(closing: AbortSignal): Promise<void> {
    let imbalance = 0n
    for (let after = ''; !closing.aborted; ) {
      const beganMs = performance.now()
      const stretch = await proveStretch(store, after)
      if (!stretch) break
      after = stretch.last
      imbalance += stretch.imbalance
      if (stretch.imbalance > 0n) found(imbalance)
      await pause(restsPerStretch * (performance.now() - beganMs), closing)
    }
    if (!closing.aborted) proof = { imbalance, atMs: Date.now() }
  }

  function found(imbalance: bigint): void {
    log.error(
      { reason: 'imbalance', credits: formatSum(imbalance) },
      'the ledger does not add up: see GET /admin/v1/books',
    )
    proof = { imbalance, atMs: proof?.atMs ?? Date.now() }
  }

  const { close } = startRounds(round, {
    ...{ everyMs, log, atOnce: true, reason: 'proof' },
    failed: 'the ledger could not be recomputed; tried again later',
  })
  return { proof: () => proof, close }
}
