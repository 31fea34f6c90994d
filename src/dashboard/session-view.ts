import { type Static, Type } from 'typebox'
import { idText, oneOf, timeTold } from '../fields.ts'
import type { Identity } from '../keys/keys.ts'
import type { Operator } from '../operators/operators.ts'
import type { SignedIn } from '../sessions/cookie.ts'
import { formatTime } from '../times.ts'

const common = {
  csrf: Type.String({
    description: 'What every request with the session must have in the header `x-tollgate-csrf`.',
    examples: ['5f0c1d...'],
  }),
  expires_at: timeTold('When the session ends at the latest; 2 hours without a request end it too.'),
}
const OperatorSession = Type.Object(
  {
    kind: oneOf(['operator'], 'An operator is signed in.'),
    ...common,
    name: Type.String({ description: "The operator's name.", examples: ['Ada'] }),
    role: oneOf(['admin', 'viewer'], 'A viewer changes nothing.'),
  },
  { title: 'OperatorSession' },
)
const right = oneOf(['call', 'read', 'manage'], 'What it may do.')
const AccountSession = Type.Object(
  {
    kind: oneOf(['account'], 'Somebody with a key of an account is signed in.'),
    ...common,
    account: idText('acc_01hq3w8kzp0000m4n5p6q7r8s9', 'Whose key it is.'),
    key: idText('key_01hq3w8kzp0000m4n5p6q7r8s9', 'The key.'),
    name: Type.String({ description: "The key's name.", examples: ['the newsletter'] }),
    mode: oneOf(['live', 'test'], 'Test keys are answered by the sandbox and never charged.'),
    rights: Type.Array(right, { description: 'What the key may do.', examples: [['call', 'read']] }),
  },
  { title: 'AccountSession' },
)
export const SessionView = Type.Union([OperatorSession, AccountSession])

/** Whoever is behind a session. */
export type Who = { readonly operator: Operator } | { readonly identity: Identity }

export function sessionView({ csrf, expiresAtMs }: SignedIn, who: Who): Static<typeof SessionView> {
  const told = { csrf, expires_at: formatTime(expiresAtMs) }
  if ('operator' in who) return { kind: 'operator', ...told, name: who.operator.name, role: who.operator.role }
  const { accountId, id, name, mode, rights } = who.identity
  return { kind: 'account', ...told, account: accountId, key: id, name, mode, rights: [...rights] }
}
