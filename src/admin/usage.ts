import { Type } from 'typebox'
import { filter } from '../fields.ts'
import { groupings } from '../ledger/usage.ts'
import { usageQuery, usageReport, usageSchema } from '../ledger/usage-report.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'

const Query = Type.Object(
  { account: filter('Only of this account.'), ...usageQuery(groupings) },
  { additionalProperties: false },
)

/** `GET /usage`: sums of the roll-ups by UTC day; a day that `from` or `to` cuts counts whole. */
export function usage(scope: TypedScope, { store }: AdminRooms): void {
  scope.get('/usage', { schema: { ...usageSchema, operationId: 'getUsage', querystring: Query } }, (request, reply) =>
    usageReport(store, request.query.account, request, reply),
  )
}
