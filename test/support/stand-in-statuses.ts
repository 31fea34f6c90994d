import type { Answer, Header, Row } from './stand-in-answer.ts'
import {
  failure,
  halves,
  head,
  headOf,
  made,
  measured,
  numberIn,
  plain,
  success,
  unmade,
  withHeaders,
} from './stand-in-answer.ts'
import type { Call } from './stand-in-request.ts'

/** The upstream's refusals and redirects, as its document and live observations show them. */
export const statusModes = {
  'bad-request': status(400),
  'auth-revoked': status(401),
  'out-of-credits': status(402),
  moderation: status(403),
  forbidden: answered(() => failure(403, 'permission_denied', ['the key may not do this'])),
  'rate-limited': status(429),
  'server-error': status(500),
  unavailable: status(503),
  redirect: status(302),
  created: status(201),
  accepted: status(202),
  'no-content': status(204),
  'partial-content': status(206),
  'html-502': answered(() => plain(502, 'text/html', '<html><h1>502 Bad Gateway</h1></html>')),
  'error-not-json': answered((_, code) => plain(numberIn(code, 500), 'text/plain', 'upstream connect error')),
  'error-huge': answered((_, code) => failure(numberIn(code, 500), 'internal_error', ['x'.repeat(5_000_000)])),
  'error-truncated': unmade((line, _, code) => {
    const answer = failure(numberIn(code, 500), 'internal_error', ['x'.repeat(500)])
    const length: Header = ['content-length', String(answer.body.length)]
    line.say(Buffer.concat([headOf(answer, length), halves(answer.body)[0]]))
    line.hangUp()
  }),
  'echo-token-error': answered((call, code) => echoed(call, numberIn(code, 502), 'internal_error')),
  'echo-token-400': answered((call) => echoed(call, 400, 'bad_request')),
} satisfies Record<string, Row>

/**
 * The answer of any status. The argument is `retry-after` on 429 and above 500, and `location` on a redirect. A body
 * follows where the status may have one.
 */
export function status(code: number): Row {
  const row = code >= 200 && code < 300 ? made : unmade
  if (code < 200) return unmade((line) => line.say(head(`HTTP/1.1 ${code} Informed`, [])))
  return row((line, call, argument) => line.say(measured(statusAnswer(code, call, argument))))
}

function statusAnswer(code: number, call: Call, argument: string): Answer {
  if (code === 200 || code === 201) return { ...success(call), status: code }
  if (code === 202) return plain(code, 'application/json', JSON.stringify({ id: 'a'.repeat(64) }))
  if (code === 206) return partial(success(call))
  if (code < 300) return { status: code, headers: [], body: Buffer.alloc(0) }
  if (code < 400) return redirected(code, argument)
  const [name, ...errors] = errorsByStatus[code] ?? ['unknown_error', 'something is wrong']
  const answer = failure(code, name, errors, code === 429 ? name : undefined)
  if (code === 401) return withHeaders(answer, ['www-authenticate', 'Bearer realm="upstream"'])
  return argument === '' ? answer : withHeaders(answer, ['retry-after', argument])
}

const errorsByStatus: Record<number, readonly [name: string, ...errors: string[]]> = {
  400: ['bad_request', 'prompt: cannot be blank', 'seed: must be a whole number'],
  401: ['unauthorized', 'authorization: invalid or missing header value'],
  402: ['payment_required', 'You lack sufficient credits to make this request.'],
  403: ['content_moderation', 'Your request was flagged by our content moderation system. You were not charged.'],
  404: ['not_found', 'the requested resource was not found'],
  413: ['payload_too_large', 'body: larger than 10 MiB'],
  422: ['invalid_language', 'prompt: only English is supported'],
  429: ['rate_limit_exceeded', 'You have exceeded the rate limit of 150 requests within a 10 second period.'],
  500: ['internal_error', 'An unexpected server error has occurred.'],
  503: ['unavailable', 'The service is overloaded.'],
}

function partial(answer: Answer): Answer {
  const [first] = halves(answer.body)
  const range: Header = ['content-range', `bytes 0-${first.length - 1}/${answer.body.length}`]
  return withHeaders({ ...answer, status: 206, body: first }, range)
}

function redirected(code: number, target: string): Answer {
  return withHeaders(plain(code, 'text/html', 'moved'), ['location', target || '/elsewhere'])
}

function echoed(call: Call, code: number, name: string): Answer {
  const answer = failure(code, name, [`authorization: Bearer ${call.token} is odd`, `the key ${call.token}`])
  return withHeaders(answer, ['x-echo', call.token], ['www-authenticate', `Bearer token="${call.token}"`])
}

function answered(answer: (call: Call, argument: string) => Answer): Row {
  return unmade((line, call, argument) => line.say(measured(answer(call, argument))))
}
