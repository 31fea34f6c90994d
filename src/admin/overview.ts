import { Type } from 'typebox'
import manifest from '../../package.json' with { type: 'json' }
import { formatSum } from '../credits.ts'
import { orNull, timeTold } from '../fields.ts'
import { openHolds } from '../ledger/statement.ts'
import { formatTime, formatTimeOrNull } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorsMoney } from './books.ts'

const amountOrNull = (description: string) => orNull(Type.String({ examples: ['1100'] }), description)

const OverviewView = Type.Object(
  {
    version: Type.String({ description: 'Of this house.', examples: ['1.0.0'] }),
    sandbox: Type.Boolean({ description: 'Whether there is no upstream token, so that only test keys are served.' }),
    in_flight: Type.Integer({ description: 'Exchanges with the upstream under way at this replica.', examples: [2] }),
    queue: Type.Object(
      {
        waiting: Type.Integer({ description: 'Calls waiting for their turn.', examples: [0] }),
        lanes: Type.Integer({ description: 'Accounts that have calls waiting.', examples: [0] }),
        oldest_wait_ms: Type.Integer({ description: 'Milliseconds the oldest of them waits.', examples: [0] }),
      },
      { description: 'The fair queue of this replica.' },
    ),
    open_holds: Type.Integer({ description: 'Credits set aside for calls in flight, on all replicas.', examples: [2] }),
    oldest_hold_at: orNull(timeTold('Since when the oldest hold is open.'), 'Null without a hold.'),
    sold: Type.String({
      description: 'Credits that accounts can still draw on, held ones included.',
      examples: ['1204.5'],
    }),
    upstream_credits: amountOrNull('What the upstream last said was left behind all tokens; null while never read.'),
    oversold: amountOrNull('By how much more is sold than is left at the upstream; null while that was never read.'),
    books: orNull(
      Type.Object({
        balanced: Type.Boolean({ description: 'Whether every proof held.' }),
        imbalance: Type.String({ description: 'Credits that cannot be explained.', examples: ['0'] }),
        proved_at: timeTold('When the ledger was last gone through.'),
      }),
      'What the house itself found when it last recomputed the ledger; null until it has.',
    ),
  },
  { title: 'Overview' },
)

/** `GET /overview`: what the house is doing at this moment. */
export function overview(scope: TypedScope, { store, upstream, proof }: AdminRooms): void {
  const schema = {
    ...{ querystring: Type.Object({}, { additionalProperties: false }), response: { 200: OverviewView } },
    ...{ tags: ['house'], summary: 'Show what the house is doing', operationId: 'getOverview' },
  }
  scope.get('/overview', { schema }, async () => {
    const tokens = upstream.tokens()
    const { waiting, lanes, oldestWaitMs } = upstream.queue()
    const { open, oldestAtMs } = await openHolds(store)
    const proved = proof()
    return {
      version: manifest.version,
      sandbox: tokens.length === 0,
      in_flight: tokens.reduce((sum, { inFlight }) => sum + inFlight, 0),
      queue: { waiting, lanes, oldest_wait_ms: Math.round(oldestWaitMs) },
      open_holds: open,
      oldest_hold_at: formatTimeOrNull(oldestAtMs),
      ...(await operatorsMoney(store, upstream)),
      books: proved ? { balanced: proved.imbalance === 0n, ...provedView(proved) } : null,
    }
  })
}

function provedView({ imbalance, atMs }: NonNullable<ReturnType<AdminRooms['proof']>>) {
  return { imbalance: formatSum(imbalance), proved_at: formatTime(atMs) }
}
