import { type Static, Type } from 'typebox'
import { jsonCredits } from '../credits.ts'
import type { Cell } from '../csv.ts'
import { idText, oneOf, orNull, timeTold } from '../fields.ts'
import { formatTime } from '../times.ts'
import type { Entry } from './ledger.ts'

export const EntryView = Type.Object(
  {
    id: idText('ent_01hq3w8kzp0000m4n5p6q7r8s9', 'The entry.'),
    kind: oneOf(['grant', 'charge', 'refund', 'adjust'], 'What moved the credits.'),
    credits: Type.Number({ description: 'Below zero when they were taken.', examples: [-3] }),
    posted_after: Type.Number({ description: 'The posted balance after it.', examples: [97] }),
    call_id: orNull(idText('call_01hq3w8kzp0000m4n5p6q7r8s9', 'The call.'), 'The call it belongs to.'),
    reason: orNull(Type.String({ examples: ['invoice 2026-117'] }), 'Why.'),
    created_at: timeTold('When it was written.'),
  },
  { title: 'Entry' },
)

/** An entry as it is shown outside. */
export function entryView({
  id,
  kind,
  credits,
  postedAfter,
  callId,
  reason,
  createdAtMs,
}: Entry): Static<typeof EntryView> {
  return {
    ...{ id, kind, credits: jsonCredits(credits), posted_after: jsonCredits(postedAfter) },
    ...{ call_id: callId, reason, created_at: formatTime(createdAtMs) },
  }
}

export const entryColumns = ['id', 'kind', 'credits', 'posted_after', 'call_id', 'reason', 'created_at'] as const

/** An entry as a line of a table. */
export function entryCells(entry: Entry): Cell[] {
  const view = entryView(entry)
  return entryColumns.map((column) => view[column])
}
