import { Type } from 'typebox'
import { formatSum } from '../credits.ts'
import * as statement from '../ledger/statement.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'

const BooksView = Type.Object(
  {
    balanced: Type.Boolean({ description: 'Whether every proof holds.' }),
    imbalance: Type.String({ description: 'Credits that cannot be explained.', examples: ['0'] }),
    accounts: Type.Integer({ examples: [12] }),
    posted: Type.String({ description: 'Posted credits of all accounts.', examples: ['1204.5'] }),
    held: Type.String({ description: 'Held credits of all accounts.', examples: ['3'] }),
    open_holds: Type.Integer({ description: 'Calls in flight.', examples: [1] }),
    faults: Type.Array(Type.String(), {
      examples: [[]],
      description: 'What is wrong, by account; at most 20 lines.',
    }),
  },
  { title: 'Books' },
)

/** `GET /books`: the ledger recomputed from its lines; amounts as decimal text, since their sums outgrow doubles. */
export function books(scope: TypedScope, { store }: AdminRooms): void {
  const schema = {
    response: { 200: BooksView },
    tags: ['books'],
    summary: 'Recompute the ledger from its lines',
    operationId: 'getBooks',
  }
  scope.get('/books', { schema }, async () => {
    const { balanced, imbalance, accounts, posted, held, openHolds, faults } = await statement.books(store)
    return {
      balanced,
      imbalance: formatSum(imbalance),
      accounts,
      posted: formatSum(posted),
      held: formatSum(held),
      open_holds: openHolds,
      faults: [...faults],
    }
  })
}
