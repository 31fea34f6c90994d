import { type Static, Type } from 'typebox'
import { type Note, notes } from '../audit/audit.ts'
import { filter, idText, orNull, rangeOf, rangeQuery, timeTold } from '../fields.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import { formatTime } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'

const Query = Type.Object(
  {
    actor: filter('Only changes by this operator or key.'),
    action: filter('Only changes of this kind, such as keys.revoke.'),
    subject: filter('Only changes of this account, key, call, offer, token or operator.'),
    ...rangeQuery,
    ...pageQuery,
  },
  { additionalProperties: false },
)
const whatever = orNull(Type.Object({}, { additionalProperties: true }))
const NoteView = Type.Object(
  {
    id: idText('aud_01hq3w8kzp0000m4n5p6q7r8s9', 'The row.'),
    actor: Type.String({ description: 'Who made the change.', examples: ['op_bootstrap'] }),
    action: Type.String({ description: 'What was done.', examples: ['keys.revoke'] }),
    subject: Type.String({ description: 'To what.', examples: ['key_01hq3w8kzp0000m4n5p6q7r8s9'] }),
    before: whatever,
    after: whatever,
    created_at: timeTold('When.'),
  },
  { title: 'Change' },
)

/** `GET /audit`: who changed what, before and after; written in the change's own transaction. */
export function audit(scope: TypedScope, { store }: AdminRooms): void {
  const schema = {
    querystring: Query,
    response: { 200: pageOf(NoteView) },
    tags: ['audit'],
    summary: 'List changes',
    operationId: 'listChanges',
  }
  scope.get('/audit', { schema }, async ({ query }) => {
    const { actor, action, subject } = query
    const limit = limitOf(query)
    const wanted = { actor, action, subject, ...rangeOf(query), before: beforeOf(query, 'aud') }
    return page(await notes(store, { ...wanted, limit: limit + 1 }), limit, noteView, ({ id }) => id)
  })
}

function noteView({ createdAtMs, ...note }: Note): Static<typeof NoteView> {
  return { ...note, created_at: formatTime(createdAtMs) }
}
