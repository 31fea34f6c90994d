import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { loadImage } from '@napi-rs/canvas'
import { openStandIn } from './stand-in.ts'
import { converse, form, opened, pooled, send, wire } from './stand-in-client.ts'
import { type Mode, modeNames } from './stand-in-modes.ts'

test('every mode can be asked for by prompt, all at once, and is on record under its name', async (t) => {
  const standIn = await opened(t)
  for (const name of modeNames) {
    const socket = connect(standIn.port, '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(wire(form({ prompt: `a cat mode:${name} please` })))
  }
  await standIn.waitFor(modeNames.length)
  assert.deepEqual(standIn.calls.map(({ mode }) => mode).sort(), [...modeNames].sort())
})

const statuses: [Mode, number, string?][] = [
  ['bad-request', 400, 'bad_request'],
  ['auth-revoked', 401, 'unauthorized'],
  ['out-of-credits', 402, 'payment_required'],
  ['moderation', 403, 'content_moderation'],
  ['status-422', 422, 'invalid_language'],
  ['server-error', 500, 'internal_error'],
  ['created', 201],
  ['no-content', 204],
  ['partial-content', 206],
  ['status-304', 304],
  ['html-502', 502],
]
for (const [mode, status, name] of statuses) {
  test(`${mode} answers ${status} in the upstream's own form`, async (t) => {
    const standIn = await opened(t)
    standIn.mode(mode)
    const answer = await send(pooled(t, standIn.origin), form({ prompt: 'cat' }))
    assert.equal(answer.status, status)
    if (name) assert.equal(JSON.parse(answer.body.toString()).name, name)
    assert.equal(standIn.calls[0]?.generated, status < 300)
  })
}

test('what stands behind the colon becomes retry-after or location', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  const limited = await send(pool, form({ prompt: 'mode:rate-limited:7' }))
  assert.deepEqual([limited.status, limited.headers['retry-after']], [429, '7'])
  assert.equal(JSON.parse(limited.body.toString()).id, 'rate_limit_exceeded')
  assert.equal((await send(pool, form({ prompt: 'mode:rate-limited' }))).headers['retry-after'], undefined)
  const moved = await send(pool, form({ prompt: 'mode:redirect:http://127.0.0.1:1/x' }))
  assert.deepEqual([moved.status, moved.headers.location], [302, 'http://127.0.0.1:1/x'])
})

const broken: [Mode, RegExp][] = [
  ['reset-before-headers', /ECONNRESET/],
  ['reset-on-headers', /ECONNRESET/],
  ['fin-before-headers', /other side closed/],
  ['fin-mid-headers', /other side closed/],
  ['reset-mid-body', /ECONNRESET/],
  ['fin-last-byte', /other side closed/],
  ['length-too-long', /other side closed/],
  ['chunked-truncated', /other side closed/],
  ['chunked-cut', /other side closed/],
  ['chunked-bad-size', /chunk size/],
  ['chunked-bare-lf', /chunk size/],
  ['two-lengths', /content-length/],
  ['length-and-chunked', /content-length/],
  ['header-folded', /header value/],
  ['header-huge', /Overflow/],
  ['http-0.9', /HTTP\/1\.1 protocol/],
  ['switching', /bad upgrade/],
  ['reset-on-accept', /ECONNRESET/],
  ['garbage-on-accept', /HTTP\/1\.1 protocol/],
]
for (const [mode, complaint] of broken) {
  test(`${mode} is an error to an honest client`, async (t) => {
    const standIn = await opened(t)
    standIn.mode(mode)
    await assert.rejects(send(pooled(t, standIn.origin), form({ prompt: 'cat' })), complaint)
  })
}

for (const mode of [
  'chunked',
  'chunked-trailers',
  'split-bytes',
  'slow-headers:20',
  'slow-body:20',
  'info-102',
] as const) {
  test(`${mode} is a whole picture in the end`, async (t) => {
    const standIn = await opened(t)
    standIn.mode(mode)
    const answer = await send(pooled(t, standIn.origin), form({ prompt: 'cat' }))
    assert.equal(answer.status, 200)
    assert.equal((await loadImage(answer.body)).width, 1)
  })
}

test('a cut by FIN and a cut by RST differ on the wire, and neither gives the whole body', async (t) => {
  const standIn = await opened(t)
  for (const end of ['fin', 'reset'] as const) {
    const heard = await converse(standIn.port, wire(form({ prompt: `mode:${end}-mid-body` })))
    const [head = '', body = ''] = heard.text.split('\r\n\r\n')
    assert.match(head, /content-length: 2000/)
    assert.deepEqual([heard.end, body.length], [end, 1_000])
  }
})

test('a connection gone stale dies with the next request on it', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  standIn.mode('stale-keepalive')
  assert.equal((await send(pool, form({ prompt: 'cat' }))).status, 200)
  await assert.rejects(send(pool, form({ prompt: 'cat' })), /ECONNRESET/)
  standIn.mode('ok')
  assert.equal((await send(pool, form({ prompt: 'cat' }))).status, 200)
  assert.deepEqual(
    standIn.calls.map(({ connection, generated }) => [connection, generated]),
    [
      [1, true],
      [1, false],
      [2, true],
    ],
  )
})

test('an early answer comes although the body never does', async (t) => {
  const standIn = await opened(t)
  for (const [mode, status] of [
    ['early-413', '413'],
    ['early-ok', '200'],
  ] as const) {
    standIn.mode(mode)
    const { text } = await converse(standIn.port, wire(Buffer.alloc(5_000)).subarray(0, 100))
    assert.ok(text.startsWith(`HTTP/1.1 ${status}`))
    assert.equal(standIn.calls.at(-1)?.complete, false)
  }
})

test('a misspelt mode is no answer like others: it shows at the end', async (t) => {
  const standIn = await openStandIn()
  const { status } = await send(pooled(t, standIn.origin), form({ prompt: 'mode:resett' }))
  assert.equal(status, 501)
  await assert.rejects(standIn.close(), /no mode resett/)
})

test('the token comes back in headers and in errors', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  assert.equal((await send(pool, form({ prompt: 'mode:echo-token' }))).headers['x-echo'], 'sk-one')
  const refused = await send(pool, form({ prompt: 'mode:echo-token-400' }))
  assert.equal(refused.status, 400)
  assert.ok(refused.body.includes('sk-one'))
})

test('compressed answers are what their header says, as often as it says it', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  const once = await send(pool, form({ prompt: 'mode:gzip' }))
  assert.equal(once.headers['content-encoding'], 'gzip')
  assert.equal((await loadImage(gunzipSync(once.body))).width, 1)
  const chain = await send(pool, form({ prompt: 'mode:gzip-chain' }))
  const codings = String(chain.headers['content-encoding']).split(', ')
  assert.equal((await loadImage(codings.reduce<Buffer>((body) => gunzipSync(body), chain.body))).width, 1)
  const bomb = await send(pool, form({ prompt: 'mode:gzip-bomb' }))
  assert.ok(bomb.body.length < 100_000)
  assert.throws(() => gunzipSync(bomb.body, { maxOutputLength: 33_554_432 }), { code: 'ERR_BUFFER_TOO_LARGE' })
})
