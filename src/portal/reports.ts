import { Type } from 'typebox'
import {
  EntriesQuery,
  entriesReport,
  entriesResponse,
  MonthQuery,
  statementReport,
  statementResponse,
} from '../ledger/entry-reports.ts'
import { usageQuery, usageReport, usageSchema } from '../ledger/usage-report.ts'
import type { TypedScope } from '../typed-scope.ts'
import { callerOf, type PortalRooms } from './portal.ts'

const tags = ['own money']
const listed = {
  ...{ querystring: EntriesQuery, response: entriesResponse, tags, operationId: 'listOwnEntries' },
  summary: 'List what moved the own credits',
}
const stated = {
  ...{ querystring: MonthQuery, response: statementResponse, tags, operationId: 'getOwnStatement' },
  summary: 'The own statement of a month',
}
const used = {
  ...{ ...usageSchema, tags, operationId: 'getOwnUsage', summary: 'What was called and charged with the own keys' },
  querystring: Type.Object(usageQuery(['day', 'key', 'offer']), { additionalProperties: false }),
}

/** `GET /entries`, `/statement` and `/usage` of the own account, as JSON or CSV. */
export function reports(scope: TypedScope, { store }: PortalRooms): void {
  scope.get('/entries', { schema: listed }, async (request, reply) =>
    entriesReport(store, callerOf(request).accountId, request, reply),
  )

  scope.get('/statement', { schema: stated }, async (request, reply) =>
    statementReport(store, callerOf(request).accountId, request, reply),
  )

  scope.get('/usage', { schema: used }, async (request, reply) =>
    usageReport(store, callerOf(request).accountId, request, reply),
  )
}
