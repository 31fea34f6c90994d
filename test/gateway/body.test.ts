import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formOf, usualBoundary } from '../support/client.ts'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { chunked, dial, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

const limit = 100_000
const noLength = { 'content-length': undefined, 'transfer-encoding': 'chunked' }
const lastChunk = Buffer.from('0\r\n\r\n')

/** A form of exactly that many bytes. */
function formOfSize(bytes: number): Buffer {
  const empty = formOf({ prompt: 'x', padding: '' }).length
  return formOf({ prompt: 'x', padding: 'y'.repeat(bytes - empty) })
}

async function limited(
  t: Parameters<typeof opened>[0],
): Promise<{ house: TestHouse; secret: string; calls: unknown[] }> {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { BODY_LIMIT_BYTES: String(limit) }))
  const { secret } = await house.key(await house.account(100))
  return { house, secret, calls: standIn.calls }
}

test('a body of exactly the limit passes, one byte more is 413 and can be read by who is still sending', async (t) => {
  const { house, secret, calls } = await limited(t)
  for (const [bytes, status] of [
    [limit, 200],
    [limit + 1, 413],
  ] as const) {
    const body = formOfSize(bytes)
    assert.equal(body.length, bytes)
    const measured = await dial(t, house.origin)
    measured.send(rawCall(secret, {}, { body }).whole)
    const pieces = await dial(t, house.origin)
    pieces.send(rawCall(secret, noLength).head)
    for (let at = 0; at < bytes; at += 7_000) pieces.send(chunked(body.subarray(at, at + 7_000)))
    pieces.send(lastChunk)
    for (const raw of [measured, pieces]) {
      const reply = await raw.reply()
      assert.equal(reply.status, status)
      if (status === 200) continue
      const { name, details } = reply.json()
      assert.deepEqual([name, details, reply.headers['connection']], ['payload_too_large', { limit }, 'close'])
      assert.equal(await raw.closed, '')
    }
  }
  assert.equal(calls.length, 2)
  await house.atRest()
})

test('a body far past the limit is refused while it is being sent, and the refusal arrives', async (t) => {
  const { house, secret, calls } = await limited(t)
  const body = Buffer.alloc(40 * limit, 'a')
  for (const headers of [{}, noLength]) {
    const raw = await dial(t, house.origin)
    raw.send(rawCall(secret, headers, { body }).head)
    const chunk = body.subarray(0, limit / 2)
    for (let sent = 0; sent < body.length; sent += chunk.length) {
      if (!raw.socket.writable) break
      await new Promise((flushed) => raw.socket.write(headers === noLength ? chunked(chunk) : chunk, flushed))
    }
    assert.equal((await raw.reply()).status, 413)
  }
  assert.equal(calls.length, 0)
  await house.atRest()
})

test('an announced length nobody could hold is refused at once', async (t) => {
  const { house, secret } = await limited(t)
  for (const length of ['999999999999', '9007199254740993']) {
    const raw = await dial(t, house.origin)
    raw.send(rawCall(secret, { 'content-length': length }).head)
    assert.equal((await raw.reply()).status, 413)
    assert.equal(await raw.closed, '')
  }
  await house.atRest()
})

test('a body without bytes, or with an encoding, is 400, and the connection goes on', async (t) => {
  const { house, secret } = await limited(t)
  const raw = await dial(t, house.origin)
  const nothing = Buffer.alloc(0)
  const rows = [
    rawCall(secret, {}, { body: nothing }).whole,
    rawCall(secret, { 'content-length': undefined }, { body: nothing }).whole,
    rawCall(secret, { 'content-encoding': 'gzip' }).whole,
    rawCall(secret, { 'content-encoding': 'identity' }).whole,
    rawCall(secret, { 'content-type': undefined }).whole,
    rawCall(secret, { 'content-type': undefined, 'content-length': undefined }, { body: nothing }).whole,
  ]
  for (const bytes of rows) {
    raw.send(bytes)
    const reply = await raw.reply()
    assert.deepEqual([reply.status, reply.json()['name']], [400, 'bad_request'], String(bytes))
  }
  raw.send(rawCall(secret).whole)
  assert.equal((await raw.reply()).status, 200)
  const chunks = await dial(t, house.origin)
  chunks.send(Buffer.concat([Buffer.from(rawCall(secret, noLength).head), lastChunk]))
  assert.equal((await chunks.reply()).status, 400)
  await house.atRest()
})

test('a form in chunks goes upstream whole, whatever the chunks, with their extensions and trailers dropped', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const body = formOf({ prompt: 'in pieces' })
  const raw = await dial(t, house.origin)
  raw.send(rawCall(secret, { ...noLength, trailer: 'x-late' }).head)
  for (const byte of body) raw.send(Buffer.concat([Buffer.from('1;a=b\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]))
  raw.send('0\r\nx-late: 1\r\nauthorization: Bearer other\r\n\r\n')
  assert.equal((await raw.reply()).status, 200)
  assert.ok(standIn.calls[0]?.body.equals(body))
  assert.equal(standIn.calls[0]?.headers['content-length'], String(body.length))
  await house.atRest()
})

const part = 'Content-Disposition: form-data; name="prompt"\r\n\r\nx\r\n'
const fence = `--${usualBoundary}\r\n`
const end = `--${usualBoundary}--\r\n`
const type = (rest: string) => ({ 'content-type': `multipart/form-data${rest}` })
const broken: Readonly<Record<string, readonly [headers: Record<string, string>, body: string]>> = {
  'no boundary in its type': [type(''), fence + part + end],
  'an empty boundary': [type('; boundary='), `--\r\n${part}----\r\n`],
  'a boundary over 70 characters': [type(`; boundary=${'b'.repeat(71)}`), fence + part + end],
  'another boundary than announced': [type('; boundary=other'), fence + part + end],
  'two boundaries': [type(`; boundary=${usualBoundary}; boundary=b`), fence + part + end],
  'a type no parser takes': [
    { 'content-type': `multipart/form-data; boundary=${usualBoundary}; =` },
    fence + part + end,
  ],
  'a longer type': [{ 'content-type': `multipart/form-data-x; boundary=${usualBoundary}` }, fence + part + end],
  'no closing boundary': [{}, fence + part],
  'half a closing boundary': [{}, `${fence + part}--${usualBoundary}-`],
  'bare line feeds': [{}, (fence + part + end).replaceAll('\r\n', '\n')],
  'no parts': [{}, end],
  'a part without a name': [{}, `${fence}Content-Disposition: form-data\r\n\r\nx\r\n${fence}${part}${end}`],
  'a part without disposition': [{}, `${fence}Content-Type: text/plain\r\n\r\nx\r\n${fence}${part}${end}`],
  'a part without a blank line': [{}, `${fence}Content-Disposition: form-data; name="prompt"\r\n${end}`],
  'part headers over 16 KiB': [{}, `${fence}X-Long: ${'x'.repeat(17_000)}\r\n${part}${end}`],
  'more than 64 parts': [{}, `${fence}${part}${`${fence}${part.replace('prompt', 'other')}`.repeat(64)}${end}`],
  'a known field twice': [{}, fence + part + fence + part + end],
  'a prompt that is a file': [{}, `${fence}${part.replace('"prompt"', '"prompt"; filename="a"')}${end}`],
  'a prompt that is not UTF-8': [{}, `${fence}${part.replace('x\r\n', '\xff\xfe\r\n')}${end}`],
  'a name of the object prototype': [{}, `${fence}${part}${fence}${part.replace('prompt', '__proto__')}${end}`],
  'something behind its end': [{}, `${fence}${part}${end}${fence}${part}${end}`],
  'a JSON body': [{}, '{"prompt":"x"}'],
}

test('a broken form is 400 in every way there is, never 500, and costs nothing', async (t) => {
  const { house, secret, calls } = await limited(t)
  const raw = await dial(t, house.origin)
  for (const [what, [headers, text]] of Object.entries(broken)) {
    raw.send(rawCall(secret, headers, { body: Buffer.from(text, 'latin1') }).whole)
    const reply = await raw.reply()
    assert.deepEqual([reply.status, reply.json()['name']], [400, 'bad_request'], `${what}: ${reply.body}`)
    assert.equal(reply.headers['x-credits-charged'], undefined, what)
  }
  assert.equal(calls.length, 0)
  assert.deepEqual(await house.store.read('SELECT id FROM calls'), [])
  await house.atRest()
})

test('every fault of the fields is told at once', async (t) => {
  const { house, secret } = await limited(t)
  const fields = { prompt: '\n', seed: '4294967295', aspect_ratio: '1:2', output_format: 'gif', style_preset: 'none' }
  const reply = await house.client.call(secret, fields)
  assert.equal(reply.status, 400)
  const errors = reply.json()['errors']
  assert.ok(Array.isArray(errors))
  assert.deepEqual(errors.map((error) => String(error).split(':')[0]).sort(), Object.keys(fields).sort())
  const over = await house.client.call(secret, { prompt: '\u{1f58c}'.repeat(10_001) })
  assert.deepEqual(over.json()['errors'], ['prompt: must be at most 10000 characters long'])
  assert.equal(
    (await house.client.call(secret, { prompt: '\u{1f58c}'.repeat(10_000), seed: '4294967294' })).status,
    200,
  )
  await until('the log', () => house.lines.some(({ outcome }) => outcome === 'succeeded'))
  await house.atRest()
})
