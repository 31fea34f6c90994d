import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Pool } from 'undici'
import { closedPort, openStandIn } from './stand-in.ts'
import { converse, form, opened, pooled, send, wire } from './stand-in-client.ts'

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('a good answer is a real picture that bears the mark of the request it belongs to', async (t) => {
  const standIn = await opened(t)
  const body = form({ prompt: 'a söft cat', negative_prompt: 'dog', output_format: 'webp', seed: '7' })
  const answer = await send(pooled(t, standIn.origin), body)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'image/webp')
  assert.equal(answer.headers['finish-reason'], 'SUCCESS')
  assert.equal(answer.headers.seed, '7')
  assert.equal(answer.headers['content-length'], '2000')
  assert.ok(answer.body.includes(sha256(body)))

  const [call] = standIn.calls
  assert.ok(call)
  assert.equal(call.sha256, sha256(body))
  assert.deepEqual(call.body, body)
  assert.deepEqual(
    [call.method, call.path, call.token, call.prompt, call.mode],
    ['POST', '/v2beta/core', 'sk-one', 'a söft cat', 'ok'],
  )
  assert.deepEqual([call.complete, call.generated, call.connection, standIn.connections], [true, true, 1, 1])
  assert.equal(call.headers['content-length'], String(body.length))
  assert.ok(call.rawHeaders.includes('Bearer sk-one'))
})

test('who accepts JSON gets the picture as the upstream puts it there', async (t) => {
  const standIn = await opened(t)
  standIn.mode('ok:70000')
  const answer = await send(pooled(t, standIn.origin), form({ prompt: 'cat' }), 'application/json')
  assert.equal(answer.headers['content-type'], 'application/json; type=image/png')
  assert.equal(answer.headers.seed, undefined)
  const { image, ...rest } = JSON.parse(answer.body.toString())
  assert.deepEqual(rest, { finish_reason: 'SUCCESS', seed: 343940597 })
  assert.equal(Buffer.from(image, 'base64').length, 70_000)
})

test('chunked requests, requests in single bytes and several on one connection are read alike', async (t) => {
  const standIn = await opened(t)
  standIn.mode(({ path }) => (path === '/last' ? 'connection-close' : 'ok'))
  const body = form({ prompt: 'cat' })
  const chunked = Buffer.concat([
    Buffer.from('POST /chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'),
    Buffer.from(
      `5\r\n${body.subarray(0, 5)}\r\n${(body.length - 5).toString(16)};x=y\r\n${body.subarray(5)}\r\n0\r\nt: 1\r\n\r\n`,
    ),
  ])
  const last = Buffer.from('GET /last HTTP/1.1\r\n\r\n')
  const bytes = Buffer.concat([wire(body), chunked, last])
  const single = Array.from(bytes, (byte) => Buffer.from([byte]))
  const { text, end } = await converse(standIn.port, ...single)
  assert.equal(text.split('HTTP/1.1 200 OK').length, 4)
  assert.equal(end, 'fin')
  assert.deepEqual(
    standIn.calls.map(({ path, sha256, complete, connection }) => [path, sha256, complete, connection]),
    [
      ['/core', sha256(body), true, 1],
      ['/chunked', sha256(body), true, 1],
      ['/last', sha256(Buffer.alloc(0)), true, 1],
    ],
  )
})

test('a request that breaks off is on record as not complete', async (t) => {
  const standIn = await opened(t)
  const socket = connect(standIn.port, '127.0.0.1')
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => {})
  socket.end(wire(form({ prompt: 'cat' })).subarray(0, -10))
  socket.resume()
  await closed
  assert.deepEqual(
    standIn.calls.map(({ path, complete, generated }) => [path, complete, generated]),
    [['/core', false, false]],
  )
})

test('the prompt goes before the token, and the token before the mode of the house', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  standIn.mode('server-error')
  standIn.tokenMode('sk-empty', 'out-of-credits')
  assert.equal((await send(pool, form({ prompt: 'cat' }))).status, 500)
  assert.equal((await send(pool, form({ prompt: 'cat' }), 'image/*', 'sk-empty')).status, 402)
  assert.equal((await send(pool, form({ prompt: 'mode:ok' }), 'image/*', 'sk-empty')).status, 200)
})

test('held answers wait inside until they are let go', async (t) => {
  const standIn = await opened(t)
  standIn.holdAnswers()
  let answered = 0
  const sending = [1, 2, 3].map(async (n) => {
    const { status } = await send(pooled(t, standIn.origin), form({ prompt: `cat ${n}` }))
    answered += 1
    return status
  })
  await standIn.waitFor(3)
  assert.equal(answered, 0)
  standIn.letGo()
  assert.deepEqual(await Promise.all(sending), [200, 200, 200])
  await standIn.waitFor(2)
})

test('closing cuts calls in flight, ends drips and floods, and tells who still waits', async () => {
  const standIn = await openStandIn()
  const waiting = assert.rejects(standIn.waitFor(4), /closed before request 4/)
  const cut = ['never', 'trickle', 'info-flood'].map((mode) =>
    converse(standIn.port, wire(form({ prompt: `mode:${mode}` }))),
  )
  await standIn.waitFor(3)
  await standIn.close()
  await Promise.all([waiting, ...cut])
  await assert.rejects(send(new Pool(standIn.origin), form({ prompt: 'cat' })), /ECONNREFUSED/)
})

test('over TLS a good certificate is trusted through its authority, and resets are real there too', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  const pool = pooled(t, standIn.origin, standIn.ca)
  assert.equal((await send(pool, form({ prompt: 'cat' }))).status, 200)
  await assert.rejects(send(pool, form({ prompt: 'mode:reset-mid-body' })), /ECONNRESET/)
  await assert.rejects(send(pooled(t, standIn.origin), form({ prompt: 'cat' })), {
    code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  })
})

const untrusted = {
  expired: 'CERT_HAS_EXPIRED',
  'wrong-host': 'ERR_TLS_CERT_ALTNAME_INVALID',
  'self-signed': 'DEPTH_ZERO_SELF_SIGNED_CERT',
} as const
for (const kind of ['expired', 'wrong-host', 'self-signed'] as const) {
  test(`an honest client sends nothing to a certificate that is ${kind}`, async (t) => {
    const standIn = await opened(t, { tls: kind })
    const sending = send(pooled(t, standIn.origin, standIn.ca), form({ prompt: 'cat' }))
    await assert.rejects(sending, { code: untrusted[kind] })
    assert.deepEqual(standIn.calls, [])
    assert.ok(standIn.connections > 0)
  })
}

test('a TLS alert and plain garbage end the handshake', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  standIn.mode('tls-alert')
  await assert.rejects(send(pooled(t, standIn.origin, standIn.ca), form({ prompt: 'cat' })), /alert handshake failure/)
  standIn.mode('garbage-on-accept')
  await assert.rejects(send(pooled(t, standIn.origin, standIn.ca), form({ prompt: 'cat' })), /wrong version number/)
})

test('nobody listens on a closed port', async (t) => {
  const origin = `http://127.0.0.1:${await closedPort()}`
  await assert.rejects(send(pooled(t, origin), form({ prompt: 'cat' })), /ECONNREFUSED/)
})

test('the balance falls with every picture made, whatever became of it on its way, and is asked apart', async (t) => {
  const standIn = await opened(t)
  const pool = pooled(t, standIn.origin)
  standIn.purses.set('sk-one', 20)
  const balance = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const { statusCode, body } = await pool.request({ method: 'GET', path: '/v1/user/balance', headers })
    return [statusCode, ((await body.json()) as Record<string, unknown>)['credits']]
  }
  for (const mode of ['ok', 'server-error', 'fin-last-byte'])
    await send(pool, form({ prompt: `mode:${mode}` })).catch(() => {})
  assert.deepEqual(
    [await balance('sk-one'), await balance('sk-two')],
    [
      [200, 14],
      [200, 1000],
    ],
  )
  standIn.tokenMode('sk-one', 'out-of-credits')
  standIn.tokenMode('sk-two', 'auth-revoked')
  assert.deepEqual([await balance('sk-one'), (await balance('sk-two'))[0]], [[200, 0], 401])
  assert.deepEqual([standIn.calls.length, standIn.asked.length], [3, 4])
})
