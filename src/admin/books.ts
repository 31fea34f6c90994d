import type { FastifyInstance } from 'fastify'
import * as statement from '../ledger/statement.ts'
import type { AdminRooms } from './admin.ts'

/** `GET /books`: the ledger recomputed from its lines; amounts as decimal text, since their sums outgrow doubles. */
export function books(scope: FastifyInstance, { store }: AdminRooms): void {
  scope.get('/books', async () => {
    const { balanced, imbalance, accounts, posted, held, openHolds, faults } = await statement.books(store)
    return {
      balanced,
      imbalance: decimal(imbalance),
      accounts,
      posted: decimal(posted),
      held: decimal(held),
      open_holds: openHolds,
      faults,
    }
  })
}

function decimal(millionths: bigint): string {
  const fraction = String(millionths % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${millionths / 1_000_000n}${fraction && `.${fraction}`}`
}
