import type { Offer } from '../catalog/offer.ts'
import { type Described, exampleCallId, headerRef, type Refused, refusals, signedIn } from '../described.ts'
import { Problem } from '../errors.ts'
import { refusalBody } from './reply.ts'

const receipt = ['x-request-id', 'x-credits-charged', 'x-credits-price', 'x-credits-available', 'x-tollgate-mode']
const rate = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']

const refused: readonly Refused[] = [
  new Problem('bad_request', { errors: ['prompt: must not be blank', 'seed: must be a whole number'] }),
  'unauthorized',
  new Problem('insufficient_credits', { details: { required: 3, available: 1.5 } }),
  ...(['forbidden', 'account_suspended', 'content_moderation'] as const),
  ...(['not_found', 'not_acceptable', 'request_timeout', 'idempotency_conflict'] as const),
  new Problem('idempotency_in_progress', { details: { call: exampleCallId }, retryAfterSeconds: 2 }),
  new Problem('replay_gone', { details: { call: exampleCallId } }),
  ...(['payload_too_large', 'unprocessable'] as const),
  new Problem('rate_limited', { details: { limit: 60, window_seconds: 60, resets_at: '2026-11-22T14:04:00.000Z' } }),
  new Problem('concurrency_limited', { details: { limit: 4 } }),
  new Problem('quota_exceeded', {
    details: { limit: 100, used: 99, required: 3, period: 'day', resets_at: '2026-11-23T00:00:00.000Z' },
  }),
  ...([
    'rate_limit_exceeded',
    'headers_too_large',
    'internal_error',
    'upstream_error',
    'upstream_unreachable',
  ] as const),
  ...(['upstream_unavailable', 'busy', 'ledger_unavailable', 'hold_expired', 'shutting_down'] as const),
  'upstream_timeout',
]

const description = `Charged only when it succeeded: the price is set aside first, and settled or released before the \
first byte of the answer. \`x-credits-charged\` tells which; every refusal is free of charge.

Also answered at the same path without \`/sd\`, for clients that only let you change the host. The body is forwarded \
byte for byte, so unknown fields reach the upstream. The answer is a picture, or JSON with the picture in base64 when \
\`accept\` names \`application/json\`. Keys whose secret begins with \`tg_test_\` are answered by a sandbox and cost \
nothing. A key may also be sent bare or in \`x-api-key\`.`

/** How a paid call is described; no route is checked against it, since the peek reads the body itself. */
export function operationOf(offer: Offer): Described {
  return {
    operationId: offer.id.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
    tags: ['paid calls'],
    summary: offer.summary,
    description,
    security: [{ accountKey: [] }],
    parameters,
    requestBody: { required: true, content: { 'multipart/form-data': formOf(offer) } },
    responses: { 200: answered, ...refusals(refused, dialect) },
  }
}

/** The same call from the dashboard, where a session stands in for the key. */
export function playgroundOf(offer: Offer): Described {
  const sold = operationOf(offer)
  const [operationId, summary] = [`${sold['operationId']}FromDashboard`, `Try: ${offer.summary}`]
  const own = { operationId, summary, tags: ['dashboard'], security: [signedIn] }
  return { ...sold, ...own, description: 'Paid by the key that is signed in, and the same call in all else.' }
}

const header = (name: string, description: string, schema: Described) => ({
  ...{ name, in: 'header', description, schema: { type: 'string', ...schema } },
})
const parameters = [
  // OpenAPI lets readers pass over this one, but pages that try a call take what they ask for from it.
  header('accept', '`application/json` for JSON with the picture in base64, else the picture itself.', {
    ...{ enum: ['image/*', 'application/json'], default: 'image/*', examples: ['image/*'] },
  }),
  // No example: it would be sent with every try, and the second one be refused or answered from memory.
  header(
    'idempotency-key',
    'With the same key and the same parts the first answer comes again, free of charge, for a day.',
    { minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  ),
  header('x-request-id', 'Your own id; kept with the call.', { maxLength: 128, examples: ['mine-1'] }),
  header('stability-client-id', 'The name of your application; forwarded.', { maxLength: 256, examples: ['my-app'] }),
  header('stability-client-version', 'Its version; forwarded.', { maxLength: 256, examples: ['1.2.1'] }),
]

function formOf({ fields }: Offer): Described {
  const named = Object.entries(fields)
  const properties = Object.fromEntries(named.map(([name, { schema }]) => [name, schema]))
  const example = Object.fromEntries(named.map(([name, { schema }]) => [name, schema.examples[0]]))
  const required = named.filter(([, field]) => field.required).map(([name]) => name)
  return { schema: { type: 'object', required, properties, additionalProperties: true }, example }
}

const picture = { schema: { type: 'string', contentMediaType: 'application/octet-stream', format: 'binary' } }
const pictureInJson = {
  type: 'object',
  required: ['image', 'finish_reason'],
  properties: {
    image: { type: 'string', contentEncoding: 'base64', description: 'The picture.' },
    finish_reason: { type: 'string', description: '`SUCCESS` or `CONTENT_FILTERED`.' },
    seed: { type: 'integer', description: 'The seed the picture was made with.' },
  },
}
const answered = {
  description: 'The picture. It was charged, unless the key is a sandbox key or the answer a replay.',
  headers: told([...receipt, ...rate, 'idempotent-replayed', 'finish-reason', 'seed']),
  content: {
    'image/png': picture,
    'image/jpeg': picture,
    'image/webp': picture,
    'application/json': {
      schema: pictureInJson,
      example: { image: 'iVBORw0KGgo=', finish_reason: 'SUCCESS', seed: 7 },
    },
  },
}

function told(names: readonly string[]): Described {
  return Object.fromEntries(names.map((name) => [name, headerRef(name)]))
}

const PaidRefusal = {
  title: 'PaidRefusal',
  type: 'object',
  description: "What a paid route answers instead of a picture, in the upstream's shape.",
  required: ['id', 'name', 'errors'],
  properties: {
    id: { type: 'string', description: 'The call.', examples: [exampleCallId] },
    name: { type: 'string', description: 'One word for what went wrong.', examples: ['insufficient_credits'] },
    errors: { type: 'array', items: { type: 'string' }, description: 'One sentence for each thing wrong.' },
    details: { type: 'object', additionalProperties: true, description: 'Numbers, where they help.' },
  },
}

/** The error dialect of the upstream, which its clients know. */
const dialect = {
  mediaType: 'application/json',
  schema: PaidRefusal,
  body: (problem: Problem) => refusalBody(exampleCallId, problem),
  headers: told(['x-request-id']),
}

const lookAlikeRefusals: readonly Refused[] = [
  ...(['unauthorized', 'forbidden', 'account_suspended', 'rate_limited'] as const),
  ...(['internal_error', 'ledger_unavailable'] as const),
]

/** How a look-alike of the upstream's own paths is described. */
export function lookAlikeOf(operationId: string, summary: string, schema: Described, example: unknown): Described {
  const answer = {
    description: 'As the upstream would answer.',
    headers: told(['x-request-id']),
    content: { 'application/json': { schema, example } },
  }
  return {
    ...{ operationId, tags: ['balance look-alikes'], summary, security: [{ accountKey: [] }] },
    description: 'Answered here with what is known of the caller, and never forwarded. Also without `/sd`.',
    responses: {
      200: answer,
      ...refusals(lookAlikeRefusals, dialect),
    },
  }
}
