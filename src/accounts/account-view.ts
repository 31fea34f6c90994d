import { type Static, Type } from 'typebox'
import { spentIn } from '../counters.ts'
import { type Credits, jsonCredits } from '../credits.ts'
import { allowanceTold, allowanceView, idText, oneOf, orNull, timeTold } from '../fields.ts'
import { formatTime } from '../times.ts'
import type { Account } from './accounts.ts'

export const accountStatuses = ['active', 'suspended', 'closed'] as const

export const AccountView = Type.Object(
  {
    id: idText('acc_01hq3w8kzp0000m4n5p6q7r8s9', 'The account.'),
    name: Type.String({ description: 'Empty once the account is closed.', examples: ['Design team'] }),
    external_id: orNull(Type.String({ examples: ['crm-4711'] }), 'Your own id for it, unique in the house.'),
    status: oneOf(accountStatuses, 'Only an active account can spend.'),
    balance: Type.Object(
      {
        posted: Type.Number({ description: 'The sum of its entries.', examples: [100] }),
        held: Type.Number({ description: 'Set aside for calls in flight.', examples: [3] }),
        available: Type.Number({ description: 'Posted minus held.', examples: [97] }),
      },
      { description: 'Credits.' },
    ),
    ...allowanceTold,
    created_at: timeTold('When it was made.'),
  },
  { title: 'Account' },
)

/** An account as it is shown outside. */
export function accountView(account: Account, nowMs: number): Static<typeof AccountView> {
  const { id, name, externalId, status, posted, held, quota, counters, createdAtMs } = account
  return {
    ...{ id, name, external_id: externalId, status },
    balance: {
      posted: jsonCredits(posted),
      held: jsonCredits(held),
      available: jsonCredits((posted - held) as Credits),
    },
    ...allowanceView(account),
    quota_used: quota && jsonCredits(spentIn(counters, quota.period, nowMs)),
    created_at: formatTime(createdAtMs),
  }
}

/** What an operator can set of an account, as the audit tells it; who it is stands apart, to be erased one day. */
export function accountSettings(account: Account) {
  const { name, externalId, status } = account
  return { settings: { status, ...allowanceView(account) }, particulars: { name, external_id: externalId } }
}
