import { gzipSync } from 'node:zlib'
import type { Answer, Header, Row } from './stand-in-answer.ts'
import {
  failure,
  formatOf,
  halves,
  headOf,
  made,
  measured,
  plain,
  success,
  wantsJson,
  withHeaders,
} from './stand-in-answer.ts'
import { picture } from './stand-in-picture.ts'
import type { Call } from './stand-in-request.ts'

const json = 'application/json; type=image/png'
const oneMebibyteOfNothing = gzipSync(Buffer.alloc(1_048_576))

/** Answers of status 200, well framed, whose type, body or headers are not what a success has. */
export const contentModes = {
  'wrong-type': answered((call) => retyped(success(call), 'text/plain')),
  svg: answered(() => plain(200, 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>')),
  'no-type': answered((call) => retyped(success(call))),
  'swapped-type': answered((call, how) => (how === 'other' || wantsJson(call) ? otherKind(call) : mislabelled(call))),
  'empty-body': answered((call) => ({ ...success(call), body: Buffer.alloc(0) })),
  'empty-chunked': made((line, call) => {
    line.say(Buffer.concat([headOf(success(call), ['transfer-encoding', 'chunked']), Buffer.from('0\r\n\r\n')]))
  }),
  'not-an-image': answered((call) => ({ ...success(call), body: notAnImage(call) })),
  'json-cut': answered((call) => plain(200, json, halves(success(asJson(call)).body)[0])),
  'json-no-image': answered(() => plain(200, json, '{"finish_reason":"SUCCESS","seed":1}')),
  'json-empty-image': answered(() => plain(200, json, '{"image":"","finish_reason":"SUCCESS","seed":1}')),
  'json-error-200': answered(() => failure(200, 'internal_error', ['An unexpected server error has occurred.'])),
  gzip: answered((call) => encoded(success(call), 'gzip', gzipSync)),
  'gzip-broken': answered((call) => encoded(success(call), 'gzip', (body) => body)),
  'gzip-bomb': answered((call) => encoded(success(call), 'gzip', bomb)),
  'gzip-chain': answered((call) => encoded(success(call), 'gzip, gzip, gzip, gzip, gzip', chain)),
  'content-filtered': answered((call) => success(call, { finish: 'CONTENT_FILTERED' })),
  'finish-unknown': answered((call, finish) => success(call, { finish: finish || 'SOMETHING_NEW' })),
  seed: answered((call, seed) => success(call, { seed })),
  'odd-headers': answered((call) => withHeaders(success(call), ...oddHeaders)),
  'echo-token': answered((call) => {
    return withHeaders(success(call), ['x-echo', call.token], ['set-cookie', `authorization=Bearer ${call.token}`])
  }),
} satisfies Record<string, Row>

const oddHeaders: readonly Header[] = [
  ['set-cookie', 'session=1; Path=/'],
  ['set-cookie', 'other=2'],
  ['server', 'cloud'],
  ['via', '1.1 somewhere'],
  ['alt-svc', 'h3=":443"'],
  ['location', 'http://elsewhere.example/'],
  ['www-authenticate', 'Basic realm="upstream"'],
  ['refresh', '0; url=http://elsewhere.example/'],
  ['x-credits-left', '12345'],
  ['access-control-allow-origin', '*'],
  ['access-control-allow-credentials', 'true'],
  ['access-control-expose-headers', '*'],
  ['content-disposition', 'attachment; filename="picture.exe"'],
]

function retyped(answer: Answer, type?: string): Answer {
  const others = answer.headers.filter(([name]) => name !== 'content-type')
  return { ...answer, headers: type === undefined ? others : [['content-type', type], ...others] }
}

/** JSON for who asked for a picture, a picture for who asked for JSON. */
function otherKind(call: Call): Answer {
  return success(wantsJson(call) ? { ...call, headers: { ...call.headers, accept: 'image/*' } } : asJson(call))
}

function mislabelled(call: Call): Answer {
  return { ...success(call), body: picture(formatOf(call) === 'jpeg' ? 'png' : 'jpeg', 2_000, call.sha256) }
}

function asJson(call: Call): Call {
  return { ...call, headers: { ...call.headers, accept: 'application/json' } }
}

function notAnImage(call: Call): Buffer {
  const image = { image: '*** neither base64 nor a picture ***', finish_reason: 'SUCCESS', seed: 1 }
  return Buffer.from(wantsJson(call) ? JSON.stringify(image) : 'This is not the picture you paid for.')
}

function encoded(answer: Answer, coding: string, encode: (body: Buffer) => Buffer): Answer {
  return withHeaders({ ...answer, body: encode(answer.body) }, ['content-encoding', coding])
}

/** Members of a gzip file may follow each other (RFC 1952, section 2.2): 64 MiB of zeros in 64 kB. */
function bomb(body: Buffer): Buffer {
  return Buffer.concat([gzipSync(body), ...Array.from({ length: 64 }, () => oneMebibyteOfNothing)])
}

function chain(body: Buffer): Buffer {
  return [1, 2, 3, 4, 5].reduce<Buffer>((inner) => gzipSync(inner), body)
}

function answered(answer: (call: Call, argument: string) => Answer): Row {
  return made((line, call, argument) => line.say(measured(answer(call, argument))))
}
