import { type Static, Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { jsonCredits } from '../credits.ts'
import { Problem } from '../errors.ts'
import { oneOf, orNull, timeTold } from '../fields.ts'
import { emptyOnly } from '../json-bodies.ts'
import { oneId } from '../known-ids.ts'
import { pageOf } from '../pages.ts'
import { formatTime } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import { latest } from '../upstream/token-balances.ts'
import { openTokenStates, resuming } from '../upstream/token-states.ts'
import type { TokenView as Known } from '../upstream/tokens.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'

const TokenView = Type.Object(
  {
    id: Type.String({ examples: ['tok_0f3a9c2e5b8d1406a1b2'] }),
    upstream: Type.String({ examples: ['stability'] }),
    hint: Type.String({ description: 'Its last 4 characters; the value is shown nowhere.', examples: ['9f3c'] }),
    state: oneOf(
      ['active', 'cooling', 'empty', 'revoked', 'resting'],
      'An active token takes calls; a resting one only while there is no active one.',
    ),
    until: orNull(
      timeTold('When it is tried again.'),
      'Null when it is active, or waits until the upstream takes it again.',
    ),
    reason: orNull(
      Type.String({ examples: ['upstream_429'] }),
      'One word for its last change of state; null before any.',
    ),
    changed_at: orNull(timeTold('When that was.')),
    weight: Type.Integer({ description: 'Its share of the calls, among the others.', examples: [1] }),
    in_flight: Type.Integer({ description: 'Exchanges under way with it at this replica.', examples: [2] }),
    credits: orNull(
      Type.Number({ examples: [812.5] }),
      'What the upstream last said was left behind it; null while it was never read.',
    ),
    credits_at: orNull(timeTold('When it said so.')),
  },
  { title: 'Token' },
)
const tags = ['tokens']
const NoQuery = Type.Object({}, { additionalProperties: false })

/** The master tokens of the upstream, as far as they may be shown, and putting one back into the turn. */
export function tokens(scope: TypedScope, rooms: AdminRooms): void {
  const { store, upstream } = rooms
  const listed = {
    querystring: NoQuery,
    response: { 200: pageOf(TokenView) },
    tags,
    summary: 'List master tokens',
    operationId: 'listTokens',
  }
  scope.get('/tokens', { schema: listed }, async () => {
    return { data: await views(upstream.tokens(), rooms), next_cursor: null }
  })

  const resumed = {
    params: oneId('The token.', 'tok_0f3a9c2e5b8d1406a1b2'),
    response: { 200: TokenView },
    tags,
    summary: 'Use a token again',
    operationId: 'resumeToken',
  }
  scope.post('/tokens/:id/resume', { schema: resumed, preValidation: emptyOnly }, async (request) => {
    const { id } = request.params
    const was = await oneView(id, rooms)
    if (was.state === 'active') return was
    const { state, until } = was
    const told = note(operatorOf(request).id, 'tokens.resume', id, { state, until }, { state: 'active', until: null })
    await store.write([resuming(id, store.dialect), told])
    upstream.resume(id)
    return oneView(id, rooms)
  })
}

/** Throws Problem not_found. */
async function oneView(id: string, rooms: AdminRooms): Promise<Static<typeof TokenView>> {
  const found = rooms.upstream.tokens().filter((token) => token.id === id)
  const [view] = await views(found, rooms)
  if (!view) throw new Problem('not_found', { sentence: 'There is no such token.' })
  return view
}

async function views(known: readonly Known[], { store, upstream }: AdminRooms): Promise<Static<typeof TokenView>[]> {
  if (known.length === 0) return []
  const readings = await latest(
    store,
    known.map(({ id }) => id),
  )
  const saved = new Map((await openTokenStates(store).load()).map((state) => [state.id, state]))
  return known.map(({ id, hint, weight, state, untilMs, inFlight }) => {
    const [reading, change] = [readings.get(id), saved.get(id)]
    return {
      ...{ id, upstream: upstream.name, hint, state },
      until: untilMs > 0 ? formatTime(Date.now() + untilMs) : null,
      ...{ reason: change?.reason ?? null, changed_at: change ? formatTime(change.changedAtMs) : null },
      ...{ weight, in_flight: inFlight },
      credits: reading ? jsonCredits(reading.credits) : null,
      credits_at: reading ? formatTime(reading.atMs) : null,
    }
  })
}
