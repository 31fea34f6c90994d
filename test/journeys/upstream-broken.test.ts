import { each, table } from '../support/outcomes.ts'

const lost = { status: 502, name: 'upstream_error', outcome: 'unknown', mayBill: true, level: 'warn' } as const
const unusable = { ...lost, outcome: 'failed' } as const
const good = { status: 200, outcome: 'succeeded', reason: 'success', level: 'info', upstream: 200 } as const

table('an answer that stops before its end is a clean 502 and costs nothing', [
  ...each(
    { ...lost, reason: 'upstream_incomplete_body', upstream: 200 },
    ...['reset-after-headers', 'fin-after-headers', 'reset-mid-body', 'fin-mid-body', 'fin-last-byte'],
    ...['length-too-long', 'chunked-truncated', 'chunked-cut'],
  ),
])

table('a body whose end nothing proves is no success', [
  ...each(
    { ...unusable, reason: 'upstream_unframed_body', upstream: 200 },
    ...['close-delimited', 'close-delimited-truncated', 'http-1.0', 'te-unknown'],
  ),
])

table('framing that lies or contradicts itself is no success', [
  ...each(
    { ...unusable, reason: 'upstream_bad_protocol', upstream: 200 },
    ...['chunked-bad-size', 'chunked-negative', 'chunked-0x', 'chunked-huge', 'chunked-bad-end', 'chunked-bare-lf'],
  ),
  ...each(
    { ...unusable, reason: 'upstream_bad_protocol' },
    ...['length-and-chunked', 'two-lengths', 'length-text', 'length-negative', 'length-huge'],
  ),
  // The framed part is whole and opens as a picture; as JSON it does not.
  ...each({ ...good, accept: 'image/*' }, 'length-too-short'),
  ...each(
    { ...unusable, reason: 'upstream_bad_payload', upstream: 200, accept: 'application/json' },
    'length-too-short',
  ),
])

table('what is not HTTP is no answer', [
  ...each(
    { ...unusable, reason: 'upstream_bad_protocol' },
    ...['garbage', 'garbage-on-accept', 'bad-status-line', 'bad-version', 'status-99', 'http-0.9'],
    ...['header-bare-cr', 'header-nul', 'header-folded', 'header-no-colon', 'header-huge', 'header-many'],
  ),
  ...each({ ...unusable, mayBill: false, reason: 'upstream_bad_status', upstream: 999 }, 'status-999'),
])

table('a whole answer sent in an unusual way is a success', each(good, 'chunked', 'chunked-trailers', 'ok:1000000'))
