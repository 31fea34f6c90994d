import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { mayRefuse } from '../described.ts'
import { amount, creditsIn, fault, text } from '../fields.ts'
import { known, oneId } from '../known-ids.ts'
import { EntryView, entryView } from '../ledger/entry-view.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'

const Gift = Type.Object(
  {
    credits: amount({ description: 'How many; below zero takes back, never below zero available.', examples: [100] }),
    reason: text({ description: 'Why; it stays in the statement.', examples: ['invoice 2026-117'] }),
  },
  { title: 'Grant', additionalProperties: false },
)

/** `POST /accounts/{id}/grants`: credits given or taken back; with an `Idempotency-Key` once, however often it is sent. */
export function grants(scope: TypedScope, { ledger }: AdminRooms): void {
  const schema = {
    params: oneId('The account.', 'acc_01hq3w8kzp0000m4n5p6q7r8s9'),
    body: Gift,
    response: { 201: EntryView },
    tags: ['accounts'],
    summary: 'Give credits to an account, or take them back',
    operationId: 'grantCredits',
    ...mayRefuse('conflict', 'idempotency_conflict'),
  }
  scope.post('/accounts/:id/grants', { schema }, async (request, reply) => {
    const accountId = known(request.params.id, 'acc')
    const { reason } = request.body
    const credits = creditsIn('credits', request.body.credits)
    if (credits === 0) throw fault('credits: must not be 0')
    const reference = idempotencyKeyOf(request)
    const after = { credits: request.body.credits, reason, ...(reference === undefined ? {} : { reference }) }
    const told = note(operatorOf(request).id, 'grants.create', accountId, undefined, after)
    const entry = await ledger.grant({ accountId, credits, reason, reference }, [told])
    reply.code(201)
    return entryView(entry)
  })
}

/** Throws Problem bad_request for a key that is not 1 to 255 visible ASCII characters. */
function idempotencyKeyOf({ raw }: FastifyRequest): string | undefined {
  const given = raw.headersDistinct['idempotency-key']
  if (given === undefined) return undefined
  const [key = ''] = given
  if (given.length > 1 || !/^[!-~]{1,255}$/.test(key)) {
    throw fault('idempotency-key: must be one of 1 to 255 visible ASCII characters')
  }
  return key
}
