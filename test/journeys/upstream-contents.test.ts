import { each, table } from '../support/outcomes.ts'

const failed = { status: 502, name: 'upstream_error', outcome: 'failed', level: 'warn' } as const
const unusable = { ...failed, mayBill: true, upstream: 200 } as const
const good = { status: 200, outcome: 'succeeded', reason: 'success', level: 'info', upstream: 200 } as const
const filtered = { ...good, outcome: 'filtered', reason: 'content_filtered' } as const
const picture = { accept: 'image/*' } as const
const json = { accept: 'application/json' } as const

table('a 200 that holds no picture of the kind that was asked for is no success', [
  ...each(
    { ...unusable, reason: 'upstream_wrong_type' },
    ...['wrong-type', 'svg', 'no-type', 'swapped-type', 'swapped-type:other'],
  ),
  ...each({ ...unusable, ...picture, reason: 'upstream_wrong_type' }, 'json-no-image', 'json-error-200', 'json-cut'),
  ...each({ ...unusable, reason: 'upstream_empty_body' }, 'empty-body', 'empty-chunked'),
  ...each({ ...unusable, reason: 'upstream_bad_payload' }, 'not-an-image'),
  ...each(
    { ...unusable, ...json, reason: 'upstream_bad_payload' },
    ...['json-cut', 'json-no-image', 'json-empty-image', 'json-error-200'],
  ),
  ...each({ ...unusable, reason: 'upstream_bad_encoding' }, ...['gzip', 'gzip-broken', 'gzip-bomb', 'gzip-chain']),
])

table('a filtered answer is a charged success with its reason', each(filtered, 'content-filtered'))

table(
  'an unknown finish reason is a success that the operator hears of',
  each(
    { ...good, level: 'warn', warning: 'unknown_finish_reason' },
    ...['finish-unknown', 'finish-unknown:success', 'finish-unknown:content_filtered'],
  ),
)

table('what the upstream adds to a good answer stays with us', each(good, 'odd-headers', 'echo-token'))

table('every format is a success', [
  ...['png', 'jpeg', 'webp'].flatMap((format) => each({ ...good, fields: { output_format: format } }, 'ok')),
])
