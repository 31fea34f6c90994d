import { type Static, Type } from 'typebox'
import { spentIn } from '../counters.ts'
import { jsonCredits } from '../credits.ts'
import { allowanceTold, allowanceView, idText, oneOf, orNull, timeTold } from '../fields.ts'
import { formatTime, formatTimeOrNull } from '../times.ts'
import { type KeyInUse, type NewKey, statusOf } from './keys.ts'

export const keyStatuses = ['active', 'expired', 'revoked'] as const
const modes = ['live', 'test'] as const

const fields = {
  id: idText('key_01hq3w8kzp0000m4n5p6q7r8s9', 'The key.'),
  account_id: idText('acc_01hq3w8kzp0000m4n5p6q7r8s9', 'The account that pays.'),
  name: Type.String({ examples: ['render farm'] }),
  hint: Type.String({ description: 'The first 12 characters of its secret.', examples: ['tg_live_4fK9'] }),
  mode: oneOf(modes, 'Test keys are answered by the sandbox and never charged.'),
  status: oneOf(keyStatuses, 'Only an active key opens a door.'),
  rights: Type.Array(Type.String(), { description: 'What it may do.', examples: [['call', 'read']] }),
  offers: orNull(Type.Array(Type.String({ examples: ['stable-image-core'] })), 'Offers it may buy; null is all.'),
  allow_ips: orNull(
    Type.Array(Type.String({ examples: ['10.0.0.0/8'] })),
    'Where it may be used from; null is anywhere.',
  ),
  ...allowanceTold,
  expires_at: orNull(timeTold('When it ends.'), 'Null is never.', null),
  revoked_at: orNull(timeTold('When it was revoked.'), 'Null until then.', null),
  last_used_at: orNull(timeTold('When its last call was let in.')),
  created_at: timeTold('When it was made.'),
}

export const KeyView = Type.Object(fields, { title: 'Key' })

/** The only shape that holds a secret: what making and rotating a key answer, once. */
export const NewKeyView = Type.Object(
  {
    ...fields,
    secret: Type.String({ description: 'Shown only now.', examples: ['tg_live_...'] }),
  },
  { title: 'NewKey' },
)

/** A key as it is shown outside. */
export function keyView(key: KeyInUse, nowMs: number): Static<typeof KeyView> {
  const { id, accountId, hint, quota, counters } = key
  return {
    ...{ id, account_id: accountId, hint, status: statusOf(key, nowMs) },
    ...keySettings(key),
    quota_used: quota && jsonCredits(spentIn(counters, quota.period, nowMs)),
    revoked_at: formatTimeOrNull(key.revokedAtMs),
    last_used_at: formatTimeOrNull(key.lastUsedAtMs),
    created_at: formatTime(key.createdAtMs),
  }
}

/** What can be set of a key, as the audit tells it. */
export function keySettings(key: NewKey) {
  const { name, mode, rights, offers, allowIps, expiresAtMs } = key
  return {
    ...{ name, mode, rights: [...rights] },
    ...{ offers: offers && [...offers], allow_ips: allowIps && [...allowIps] },
    ...allowanceView(key),
    expires_at: formatTimeOrNull(expiresAtMs),
  }
}
