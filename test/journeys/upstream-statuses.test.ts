import { each, table } from '../support/outcomes.ts'

const failed = { outcome: 'failed', level: 'warn' } as const
const broken = { ...failed, status: 502, name: 'upstream_error' } as const
const away = { ...failed, status: 503, name: 'upstream_unavailable', retryAfter: '60' } as const

table("the caller's own faults are told as the upstream tells them", [
  ...each(
    { ...failed, status: 400, name: 'bad_request', reason: 'upstream_400', level: 'info', upstream: 400 },
    ...['bad-request', 'echo-token-400', 'error-not-json:400', 'error-truncated:400', 'error-huge:400'],
  ),
  ...each(
    { ...failed, status: 403, name: 'content_moderation', reason: 'upstream_403', level: 'info', upstream: 403 },
    'moderation',
  ),
  ...each(
    { ...failed, status: 413, name: 'payload_too_large', reason: 'upstream_413', level: 'info', upstream: 413 },
    'status-413',
  ),
  ...each(
    { ...failed, status: 422, name: 'invalid_language', reason: 'upstream_422', level: 'info', upstream: 422 },
    'status-422',
  ),
])

table("the operator's trouble is never shown as the caller's", [
  ...each({ ...away, reason: 'upstream_forbidden', level: 'error', upstream: 403 }, 'forbidden', 'error-not-json:403'),
])

table("the upstream's own trouble costs nothing", [
  ...each(
    { ...failed, status: 500, name: 'upstream_error', reason: 'upstream_5xx', upstream: 500 },
    ...['server-error', 'error-not-json', 'error-truncated', 'error-huge'],
  ),
  ...each({ ...away, reason: 'upstream_5xx', upstream: 503 }, 'unavailable', 'error-not-json:503'),
  ...each({ ...away, reason: 'upstream_5xx', upstream: 529 }, 'status-529'),
  ...[501, 502, 504, 505, 520, 525, 530, 599].flatMap((upstream) =>
    each({ ...broken, reason: 'upstream_5xx', upstream }, `status-${upstream}`),
  ),
  ...each({ ...broken, reason: 'upstream_5xx', upstream: 502 }, 'html-502', 'echo-token-error'),
])

table('any other refusal is a 502 of ours', [
  ...[404, 405, 410].flatMap((upstream) =>
    each({ ...broken, reason: 'upstream_bad_status', level: 'error', upstream }, `status-${upstream}`),
  ),
  ...[406, 408, 409, 411, 414, 415, 416, 418, 425, 426, 428, 431, 451, 499].flatMap((upstream) =>
    each({ ...broken, reason: 'upstream_bad_status', upstream }, `status-${upstream}`),
  ),
])

table('only 200 is a success, and another 2xx may have been billed', [
  ...[201, 202, 203, 204, 205, 206, 299].flatMap((upstream) =>
    each(
      { ...broken, reason: 'upstream_unexpected_2xx', level: 'error', mayBill: true, upstream },
      `status-${upstream}`,
    ),
  ),
])

table('a redirect is a 502', [
  ...[300, 301, 302, 303, 304, 307, 308].flatMap((upstream) =>
    each({ ...broken, reason: 'upstream_redirect', level: 'error', upstream }, `status-${upstream}`),
  ),
])
