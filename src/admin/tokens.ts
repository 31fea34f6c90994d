import { type Static, Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { Problem } from '../errors.ts'
import { oneOf, orNull, timeTold } from '../fields.ts'
import { emptyOnly } from '../json-bodies.ts'
import { oneId } from '../known-ids.ts'
import { pageOf } from '../pages.ts'
import { formatTime } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { TokenView as Known } from '../upstream/tokens.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'

const TokenView = Type.Object(
  {
    id: Type.String({ examples: ['tok_0f3a9c2e5b8d1406a1b2'] }),
    upstream: Type.String({ examples: ['stability'] }),
    hint: Type.String({ description: 'Its last 4 characters; the value is shown nowhere.', examples: ['9f3c'] }),
    state: oneOf(['active', 'cooling', 'empty', 'revoked'], 'Only an active token takes calls.'),
    until: orNull(timeTold('When it is tried again.')),
  },
  { title: 'Token' },
)
const tags = ['tokens']
const NoQuery = Type.Object({}, { additionalProperties: false })

/** The master tokens of the upstream, as far as they may be shown, and putting one back into the turn. */
export function tokens(scope: TypedScope, { store, upstream }: AdminRooms): void {
  const listed = {
    querystring: NoQuery,
    response: { 200: pageOf(TokenView) },
    tags,
    summary: 'List master tokens',
    operationId: 'listTokens',
  }
  scope.get('/tokens', { schema: listed }, async () => {
    return { data: upstream.tokens().map((token) => tokenView(token, upstream.name)), next_cursor: null }
  })

  const resumed = {
    params: oneId('The token.', 'tok_0f3a9c2e5b8d1406a1b2'),
    response: { 200: TokenView },
    tags,
    summary: 'Use a token again',
    operationId: 'resumeToken',
  }
  scope.post('/tokens/:id/resume', { schema: resumed, preValidation: emptyOnly }, async (request) => {
    const one = () => upstream.tokens().find(({ id }) => id === request.params.id)
    const before = one()
    if (!before) throw new Problem('not_found', { sentence: 'There is no such token.' })
    const was = tokenView(before, upstream.name)
    if (was.state === 'active') return was
    await store.write([
      note(operatorOf(request).id, 'tokens.resume', before.id, was, { ...was, state: 'active', until: null }),
    ])
    upstream.resume(before.id)
    return tokenView(one() ?? before, upstream.name)
  })
}

function tokenView({ id, hint, state, untilMs }: Known, upstream: string): Static<typeof TokenView> {
  return { id, upstream, hint, state, until: state === 'active' ? null : formatTime(Date.now() + untilMs) }
}
