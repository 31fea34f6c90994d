import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mintKey } from '../../src/keys/key.ts'
import { always } from '../support/always.ts'
import { corePath, formOf } from '../support/client.ts'
import { behind, masterToken, openTestHouse } from '../support/house.ts'
import { dial, type RawReply, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

/** What every reply has, and none has. */
function proper({ headers, status }: RawReply, what: string): void {
  for (const [header, value] of Object.entries(always)) assert.equal(headers[header], value, `${what}: ${header}`)
  assert.match(headers['x-request-id'] ?? '', /^call_[0-9a-z]{26}$/, what)
  const foreign = Object.keys(headers).filter((name) =>
    /^access-control-|^server$|^x-powered-by$|^vary$|^strict-transport-security$/.test(name),
  )
  assert.deepEqual(foreign, [], what)
  if (status === 429 || status === 503) assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/, what)
}

function inDialect(reply: RawReply, what: string): void {
  proper(reply, what)
  assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8', what)
  const { id, name, errors, details, ...others } = reply.json()
  assert.deepEqual(others, {}, what)
  assert.equal(id, reply.headers['x-request-id'], what)
  assert.match(String(name), /^[a-z_]+$/, what)
  assert.ok(Array.isArray(errors) && errors.length > 0 && errors.every((error) => typeof error === 'string'), what)
  assert.ok(details === undefined || typeof details === 'object', what)
}

test('any other method at a paid path is 405 and names the one that is allowed', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  for (const path of [corePath, corePath.slice(3)]) {
    for (const method of ['OPTIONS', 'GET', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'QUERY']) {
      const raw = await dial(t, house.origin)
      const cors = { origin: 'https://elsewhere.test', 'access-control-request-method': 'POST' }
      raw.send(rawCall(secret, cors, { method, path }).whole)
      const reply = await raw.reply()
      inDialect(reply, method)
      assert.deepEqual(
        [reply.status, reply.json()['name'], reply.headers['allow']],
        [405, 'method_not_allowed', 'POST'],
        method,
      )
    }
    const head = await dial(t, house.origin)
    head.send(rawCall(secret, { 'content-length': undefined, connection: 'close' }, { method: 'HEAD', path }).head)
    const text = await head.closed
    assert.match(text, /^HTTP\/1\.1 405 [\s\S]*\r\nallow: POST\r\n[\s\S]*\r\n\r\n$/)
  }
  assert.equal(standIn.calls.length, 0)
  await house.atRest()
})

test('a head that two servers could read differently is refused, and nothing is forwarded', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const { body } = rawCall(secret)
  const chunks = (coding: string) => ({ 'content-length': undefined, 'transfer-encoding': coding })
  const rows: [string, Parameters<typeof rawCall>[1], Parameters<typeof rawCall>[2], number][] = [
    ['two hosts', { host: ['one.test', 'two.test'] }, {}, 400],
    ['the same host twice', { host: ['one.test', 'one.test'] }, {}, 400],
    ['no host', { host: undefined }, {}, 400],
    ['an empty host', { host: '' }, {}, 400],
    ['a host with a path', { host: 'one.test/two' }, {}, 400],
    ['a host with user info', { host: 'one@two.test' }, {}, 400],
    ['two keys', { authorization: [`Bearer ${secret}`, `Bearer ${mintKey('live')}`] }, {}, 401],
    ['two content types', { 'content-type': ['multipart/form-data; boundary=a', 'text/plain'] }, {}, 400],
    ['two lengths', { 'content-length': [String(body.length), '3'] }, {}, 400],
    ['two lengths in one', { 'content-length': `${body.length}, ${body.length}` }, {}, 400],
    ['a signed length', { 'content-length': `+${body.length}` }, {}, 400],
    ['both a length and chunks', { 'transfer-encoding': 'chunked' }, {}, 400],
    ['another coding before the chunks', chunks('gzip, chunked'), {}, 400],
    ['chunks twice', chunks('chunked, chunked'), {}, 400],
    ['chunks in two headers', { 'content-length': undefined, 'transfer-encoding': ['chunked', 'chunked'] }, {}, 400],
    ['another coding only', chunks('gzip'), {}, 400],
    ['another coding behind the chunks', chunks('chunked, gzip'), {}, 400],
    ['a misspelt coding', chunks('xchunked'), {}, 400],
    ['HTTP/1.0 with chunks', chunks('chunked'), { version: 'HTTP/1.0' }, 400],
    ['HTTP/1.0 without a host', { host: undefined }, { version: 'HTTP/1.0' }, 400],
    ['HTTP/2.0', {}, { version: 'HTTP/2.0' }, 400],
    ['HTTP/1.2', {}, { version: 'HTTP/1.2' }, 400],
    ['no version', {}, { version: '' }, 400],
    ['an expectation nobody knows', { expect: 'a miracle' }, {}, 400],
    ['a header without a name', { '': 'x' }, {}, 400],
    ['a header with a space in its name', { 'x odd': 'x' }, {}, 400],
    ['a header with a NUL', { 'x-odd': 'a\0b' }, {}, 400],
    ['a header with a bare CR', { 'x-odd': 'a\rb' }, {}, 400],
    ['a folded header', { 'x-odd': 'a\r\n b' }, {}, 400],
    ['a head over 16 KiB', { 'x-odd': 'a'.repeat(20_000) }, {}, 431],
    ['a path over 16 KiB', {}, { path: `/${'a'.repeat(20_000)}` }, 431],
    ['the absolute form', {}, { path: `http://house.test${corePath}` }, 400],
    ['the asterisk form', {}, { path: '*' }, 400],
    ['a path that cannot be decoded', {}, { path: '/sd/v2beta/%zz' }, 400],
    ['a path with a NUL', {}, { path: `${corePath}\0` }, 400],
    ['a path with a space', {}, { path: `${corePath} x` }, 400],
    ['a method nobody knows', {}, { method: 'BREW' }, 400],
    ['a method in small letters', {}, { method: 'post' }, 400],
    ['a path with dots', {}, { path: `/sd/../sd/v2beta/stable-image/generate/core` }, 404],
    ['a path with an encoded slash', {}, { path: corePath.replace('/core', '%2Fcore') }, 404],
    ['a path with a slash behind', {}, { path: `${corePath}/` }, 404],
    ['a path in capitals', {}, { path: corePath.toUpperCase() }, 404],
  ]
  for (const [what, headers, request, status] of rows) {
    const raw = await dial(t, house.origin)
    raw.send(rawCall(secret, headers, request).whole)
    const reply = await raw.reply()
    assert.equal(reply.status, status, `${what}: ${reply.body}`)
    assert.match(reply.headers['content-type'] ?? '', /^application\/(problem\+)?json; charset=utf-8$/, what)
    proper(reply, what)
    const { name, errors } = reply.json()
    assert.ok(typeof name === 'string' && (errors === undefined || Array.isArray(errors)), what)
    assert.doesNotMatch(reply.body.toString(), /tg_live_|house\.test/, what)
    raw.socket.end()
    assert.equal(await raw.closed, '', `${what}: nothing follows`)
  }
  assert.equal(standIn.calls.length, 0)
  await house.atRest()
})

test('a call in HTTP/1.0 with a host and a length is served, and its connection closed', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(10))
  const raw = await dial(t, house.origin)
  raw.send(rawCall(secret, {}, { version: 'HTTP/1.0' }).whole)
  assert.equal((await raw.reply()).status, 200)
  assert.equal(await raw.closed, '')
  await house.atRest()
})

test('every refusal of a paid call is in the dialect of its clients, and every reply carries what is always sent', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { BODY_LIMIT_BYTES: '5000' }))
  const account = await house.account(6)
  const { secret } = await house.key(account)
  const { secret: limited } = await house.key(account, { rate: { calls: 1, windowSeconds: 60 } })
  const { secret: full } = await house.key(account, { maxConcurrency: 0 })
  const { secret: capped } = await house.key(account, { quota: { credits: 0 as never, period: 'day' } })
  const prompted = (prompt: string, key = secret) => rawCall(key, {}, { body: formOf({ prompt }) }).whole
  const rows: [number, string, Buffer][] = [
    [401, 'unauthorized', rawCall(undefined).whole],
    [404, 'not_found', rawCall(secret, {}, { path: '/sd/v2beta/nowhere' }).whole],
    [404, 'not_found', rawCall(secret, {}, { path: '/v2beta/nowhere', method: 'GET' }).whole],
    [404, 'not_found', rawCall(secret, { 'content-type': 'application/json' }, { path: '/sd' }).whole],
    [405, 'method_not_allowed', rawCall(secret, {}, { method: 'PUT' }).whole],
    [406, 'not_acceptable', rawCall(secret, { accept: 'text/html' }).whole],
    [400, 'bad_request', prompted(' ')],
    [413, 'payload_too_large', prompted('x'.repeat(6000))],
    [429, 'concurrency_limited', prompted('x', full)],
    [429, 'quota_exceeded', prompted('x', capped)],
    [400, 'bad_request', prompted(' ', limited)],
    [429, 'rate_limited', prompted('x', limited)],
    [403, 'content_moderation', prompted('mode:moderation')],
    [422, 'invalid_language', prompted('mode:status-422')],
    [500, 'upstream_error', prompted('mode:server-error')],
    [502, 'upstream_error', prompted('mode:reset-mid-body')],
    [503, 'upstream_unavailable', prompted('mode:unavailable')],
    [200, '', prompted('one')],
    [200, '', prompted('two')],
    [402, 'insufficient_credits', prompted('three')],
    [429, 'rate_limit_exceeded', prompted('mode:rate-limited', (await house.key(await house.account(9))).secret)],
  ]
  for (const [status, name, wire] of rows) {
    const raw = await dial(t, house.origin)
    raw.send(wire)
    const reply = await raw.reply()
    assert.equal(reply.status, status, `${name}: ${reply.body}`)
    proper(reply, name)
    if (status === 200) continue
    inDialect(reply, name)
    assert.equal(reply.json()['name'], name)
  }
  await house.atRest()
})

test('the rate is told on every reply behind the gate, and a refusal says when it ends', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const account = await house.account(10)
  const { secret } = await house.key(account, { rate: { calls: 3, windowSeconds: 60 } })
  const remaining: (string | undefined)[] = []
  for (const [accept, status] of [
    ['image/*', 200],
    ['text/html', 406],
    ['image/*', 200],
    ['image/*', 429],
    ['image/*', 429],
  ] as const) {
    const { headers, status: told, json } = await house.client.call(secret, { prompt: 'x' }, { accept })
    assert.deepEqual([told, headers['ratelimit-limit']], [status, '3'])
    assert.match(headers['ratelimit-reset'] ?? '', /^([1-9]|[1-5]\d|60)$/)
    remaining.push(headers['ratelimit-remaining'])
    if (told !== 429) continue
    const { name, details } = json() as { name: string; details: Record<string, unknown> }
    assert.deepEqual([name, details['limit'], details['window_seconds']], ['rate_limited', 3, 60])
    assert.ok(Date.parse(String(details['resets_at'])) > 0)
    assert.equal(headers['retry-after'], headers['ratelimit-reset'])
  }
  assert.deepEqual(remaining, ['2', '1', '0', '0', '0'])
  await house.atRest()
})

test('the request id is always ours; a well-formed one of the caller is kept beside it, another is not', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(100))
  for (const [given, kept] of [
    ['trace-1234/abc_5.6:7', true],
    ['x'.repeat(128), true],
    ['x'.repeat(129), false],
    ['two words', false],
    ['<script>', false],
    ['', false],
  ] as const) {
    const { headers } = await house.client.call(secret, { prompt: 'x' }, { headers: { 'x-request-id': given } })
    const id = headers['x-request-id'] ?? ''
    assert.match(id, /^call_[0-9a-z]{26}$/)
    assert.equal((await house.ended(id))['client_request_id'], kept ? given : null, given)
  }
  await house.atRest()
})

test('no key, prompt, part value or master token is in any log line, whatever happens', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { LOG_LEVEL: 'trace' }))
  const { secret } = await house.key(await house.account(100))
  const canary = 'CANARY-31415'
  const modes = ['ok', 'echo-token-error', 'echo-token-400', 'moderation', 'reset-mid-body', 'auth-revoked']
  for (const mode of ['not-an-image', 'header-huge', ...modes]) {
    const fields = { prompt: `${canary} mode:${mode}`, negative_prompt: canary, [`field-${canary}`]: canary }
    await house.client.call(secret, fields, { headers: { 'x-api-key': secret, cookie: canary, 'x-other': canary } })
  }
  const unknown = mintKey('live')
  const mistyped = `${unknown.slice(0, -1)}!`
  const wires = [
    rawCall(unknown).whole,
    rawCall(mistyped).whole,
    rawCall(secret, { host: canary + secret, 'x-odd': 'a\0b' }).whole,
    rawCall(secret, { host: [canary, secret] }).whole,
    rawCall(secret, {}, { path: `/sd/%zz?key=${secret}&c=${canary}` }).whole,
    rawCall(secret, {}, { path: `/nowhere/${canary}?key=${secret}` }).whole,
    rawCall(secret, {}, { body: Buffer.from(canary) }).whole,
    rawCall(secret, {}, { body: formOf({ prompt: canary, seed: canary }) }).whole,
  ]
  for (const wire of wires) {
    const raw = await dial(t, house.origin)
    raw.send(wire)
    await raw.reply()
  }
  await until('the last line', () => house.lines.filter(({ msg }) => msg === 'call').length >= 12)
  const text = JSON.stringify(house.lines)
  for (const never of [canary, secret, unknown, mistyped, masterToken, masterToken.slice(3, 30)]) {
    assert.ok(!text.includes(never), `the log holds ${never}`)
    assert.ok(!text.includes(Buffer.from(never).toString('base64').slice(0, -4)), `the log holds ${never} in base64`)
  }
  assert.ok(text.includes(secret.slice(0, 8)) || house.lines.length > 12, 'there is a log to look at')
  await house.atRest()
})
