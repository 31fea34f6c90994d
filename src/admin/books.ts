import { Type } from 'typebox'
import { formatSum } from '../credits.ts'
import { orNull } from '../fields.ts'
import * as statement from '../ledger/statement.ts'
import type { TypedScope } from '../typed-scope.ts'
import { latest } from '../upstream/token-balances.ts'
import type { AdminRooms } from './admin.ts'

const BooksView = Type.Object(
  {
    balanced: Type.Boolean({ description: 'Whether every proof holds.' }),
    imbalance: Type.String({ description: 'Credits that cannot be explained.', examples: ['0'] }),
    accounts: Type.Integer({ examples: [12] }),
    posted: Type.String({ description: 'Posted credits of all accounts.', examples: ['1204.5'] }),
    held: Type.String({ description: 'Held credits of all accounts.', examples: ['3'] }),
    open_holds: Type.Integer({ description: 'Calls in flight.', examples: [1] }),
    sold: Type.String({
      description: 'Credits that accounts can still draw on, held ones included; closed accounts draw no more.',
      examples: ['1204.5'],
    }),
    upstream_credits: orNull(
      Type.String({ examples: ['1100'] }),
      'What the upstream last said was left behind all tokens together; null while it was never read.',
    ),
    oversold: orNull(
      Type.String({ examples: ['104.5'] }),
      'By how much more is sold than is left at the upstream; null while that was never read.',
    ),
    faults: Type.Array(Type.String(), {
      examples: [[]],
      description: 'What is wrong, by account; at most 20 lines.',
    }),
  },
  { title: 'Books' },
)

/** `GET /books`: the ledger recomputed from its lines; amounts as decimal text, since their sums outgrow doubles. */
export function books(scope: TypedScope, { store, upstream }: AdminRooms): void {
  const schema = {
    response: { 200: BooksView },
    tags: ['books'],
    summary: 'Recompute the ledger from its lines',
    operationId: 'getBooks',
  }
  scope.get('/books', { schema }, async () => {
    const { balanced, imbalance, accounts, posted, held, openHolds, faults } = await statement.books(store)
    const money = await operatorsMoney(store, upstream)
    return {
      balanced,
      imbalance: formatSum(imbalance),
      accounts,
      posted: formatSum(posted),
      held: formatSum(held),
      open_holds: openHolds,
      ...money,
      faults: [...faults],
    }
  })
}

/** What is sold, and what is left for it at the upstream; amounts as decimal text. */
export async function operatorsMoney(store: AdminRooms['store'], upstream: AdminRooms['upstream']) {
  const sold = await statement.sold(store)
  const ids = upstream.tokens().map(({ id }) => id)
  const readings = [...(await latest(store, ids)).values()]
  if (readings.length === 0) return { sold: formatSum(sold), upstream_credits: null, oversold: null }
  const left = readings.reduce((sum, { credits }) => sum + BigInt(credits), 0n)
  const oversold = sold > left ? sold - left : 0n
  return { sold: formatSum(sold), upstream_credits: formatSum(left), oversold: formatSum(oversold) }
}
