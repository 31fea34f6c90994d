import { each, table } from '../support/outcomes.ts'

const silent = { status: 504, name: 'upstream_timeout', outcome: 'unknown', mayBill: true, level: 'warn' } as const
const lost = { status: 502, name: 'upstream_error', outcome: 'unknown', mayBill: true, level: 'warn' } as const
const illegible = { ...lost, outcome: 'failed', reason: 'upstream_bad_protocol' } as const
const good = { status: 200, outcome: 'succeeded', reason: 'success', level: 'info', upstream: 200 } as const

table('silence from the upstream frees the hold and says who may have paid', [
  ...each(
    { ...silent, reason: 'upstream_headers_timeout' },
    ...['never', 'never-billed', 'hang-on-headers', 'hang-on-accept', 'hang-mid-headers'],
  ),
  ...each({ ...silent, reason: 'upstream_deadline' }, 'info-flood'),
  ...each(
    { ...silent, reason: 'upstream_body_timeout', upstream: 200 },
    ...['hang-after-headers', 'hang-mid-body', 'hang-last-byte'],
  ),
  ...each({ ...silent, reason: 'upstream_deadline', upstream: 200 }, 'trickle'),
])

table('a connection lost after the request went out costs nothing and is never tried again', [
  ...each(
    { ...lost, reason: 'upstream_reset' },
    ...['reset-before-headers', 'reset-before-headers-billed', 'reset-on-headers', 'reset-mid-headers'],
    'reset-on-accept',
  ),
  ...each({ ...lost, reason: 'upstream_closed' }, 'fin-before-headers', 'fin-mid-headers', 'fin-on-accept'),
])

table('what comes before the answer is neither the answer nor an error', [
  ...each(good, 'info-102', 'info-103', 'slow-headers', 'slow-body', 'split-bytes'),
  ...each(illegible, 'info-100', 'switching'),
])
