import { type Described, exampleCallId, headerRef, refusals, signedIn } from '../described.ts'
import type { ProblemName } from '../errors.ts'
import { problemJson, problemSchema } from '../problem-json.ts'

type Traits = {
  readonly hasBody: boolean
  readonly hasId: boolean
  readonly problems: readonly ProblemName[]
}

type Door = { readonly security: readonly Described[]; readonly refused: (traits: Traits) => Described }

const everywhere = ['unauthorized', 'forbidden', 'rate_limited', 'internal_error', 'ledger_unavailable'] as const
const withBody = ['request_timeout', 'payload_too_large', 'unsupported_media_type'] as const

function refused({ hasBody, hasId, problems }: Traits): readonly ProblemName[] {
  return [
    'bad_request',
    ...everywhere,
    ...(hasId ? ['not_found' as const] : []),
    ...(hasBody ? withBody : []),
    ...problems,
  ]
}

const dialect = {
  mediaType: 'application/problem+json',
  schema: problemSchema,
  body: (problem: Parameters<typeof problemJson>[0]) => problemJson(problem, exampleCallId),
  headers: { 'x-request-id': headerRef('x-request-id') },
}

const doors: readonly (readonly [prefix: string, door: Door])[] = [
  ['/admin/v1', { security: [{ operatorKey: [] }, signedIn], refused: (traits) => refusals(refused(traits), dialect) }],
  [
    '/portal/v1',
    {
      security: [{ accountKey: [] }, signedIn],
      refused: (traits) => refusals([...refused(traits), 'account_suspended'], dialect),
    },
  ],
  ['/dashboard/session', { security: [signedIn], refused: (traits) => refusals(refused(traits), dialect) }],
]
/** Where nobody is asked for a key. */
export const open: Door = { security: [], refused: () => ({}) }

/** Who is let in at a path, and what is refused there; undefined outside the doors that want a key. */
export function doorOf(path: string): Door | undefined {
  return doors.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1]
}

export const intro = `A metered gateway to a paid picture API. Every account has keys, credits and limits of its own; a \
call is charged only when it succeeded.

**Keys.** \`Authorization: Bearer tg_live_...\`. A \`tg_test_\` key is answered by a sandbox: real pictures, no charge. \
Operator keys begin with \`tg_admin_\` and open the admin API only.

**Credits** are JSON numbers with at most six decimals. What a paid call cost stands in \`x-credits-charged\`.

**Trying again.** Send an \`Idempotency-Key\` with a paid call: the same key and the same parts give the same answer \
again and are charged once. Every 429 and 503 says in \`Retry-After\` how many seconds to wait.

**Refusals** at paid routes have the upstream's shape \`{id, name, errors}\`; everywhere else they are RFC 9457 \
problem documents. \`name\` is the word to branch on.

**Times** are RFC 3339 in UTC; \`from\` is inclusive and \`to\` exclusive. **Lists** are newest first: pass \
\`next_cursor\` back as \`cursor\`.`

export const tags = [
  { name: 'paid calls', description: 'What is sold.' },
  { name: 'balance look-alikes', description: "Paths of the upstream's own API that clients ask for a balance." },
  { name: 'own account', description: 'Who calls, and what is left.' },
  { name: 'own keys', description: 'Keys of the own account. Making and ending them needs the right `manage`.' },
  { name: 'own calls', description: 'What the own keys called.' },
  { name: 'own money', description: 'What moved the own credits.' },
  { name: 'accounts', description: 'Who owns credits.' },
  { name: 'keys', description: 'What opens the paid routes.' },
  { name: 'calls', description: 'Every call with its price and outcome.' },
  { name: 'usage', description: 'Sums by day, account, key and offer.' },
  { name: 'offers', description: 'What is for sale, and at which price.' },
  { name: 'tokens', description: 'The master tokens of the upstream; never their values.' },
  { name: 'operators', description: 'Who runs the house.' },
  {
    name: 'webhooks',
    description: 'Who is told what happens; see docs/webhooks.md for the events and their signatures.',
  },
  { name: 'audit', description: 'Who changed what.' },
  { name: 'books', description: 'The proof that the ledger adds up, and that it agrees with the upstream.' },
  { name: 'house', description: 'What the house is doing, and how it was started.' },
  { name: 'dashboard', description: 'What the pages at `/dashboard/` have beyond the doors above.' },
  { name: 'health', description: 'For load balancers and watchdogs.' },
] as const

export const groups = [
  { name: 'Calls', tags: ['paid calls', 'balance look-alikes'] },
  { name: 'Portal', tags: ['own account', 'own keys', 'own calls', 'own money'] },
  {
    name: 'Admin',
    tags: [
      'accounts',
      'keys',
      'calls',
      'usage',
      'offers',
      'tokens',
      'operators',
      'webhooks',
      'audit',
      'books',
      'house',
    ],
  },
  { name: 'Operations', tags: ['dashboard', 'health'] },
]
