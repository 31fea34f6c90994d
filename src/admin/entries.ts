import { known, oneId } from '../known-ids.ts'
import {
  EntriesQuery,
  entriesReport,
  entriesResponse,
  MonthQuery,
  statementReport,
  statementResponse,
} from '../ledger/entry-reports.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'

const params = oneId('The account.', 'acc_01hq3w8kzp0000m4n5p6q7r8s9')
const listed = {
  ...{ params, querystring: EntriesQuery, response: entriesResponse, tags: ['accounts'] },
  summary: 'List what moved the credits of an account',
  operationId: 'listEntries',
}
const stated = {
  ...{ params, querystring: MonthQuery, response: statementResponse, tags: ['accounts'] },
  summary: 'The statement of a month',
  operationId: 'getStatement',
}

/** What moved an account's credits, as a list and as a monthly statement; JSON or CSV. */
export function entries(scope: TypedScope, { store, accounts }: AdminRooms): void {
  scope.get('/accounts/:id/entries', { schema: listed }, async (request, reply) => {
    const { id } = await accounts.get(known(request.params.id, 'acc'))
    return entriesReport(store, id, request, reply)
  })

  scope.get('/accounts/:id/statement', { schema: stated }, async (request, reply) => {
    const { id } = await accounts.get(known(request.params.id, 'acc'))
    return statementReport(store, id, request, reply)
  })
}
