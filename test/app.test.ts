import assert from 'node:assert/strict'
import { test } from 'node:test'
import { always } from './support/always.ts'
import { adminKey, behind, openTestHouse } from './support/house.ts'
import { chunked, dial, type RawReply, rawCall, until } from './support/raw-client.ts'
import { opened } from './support/stand-in-client.ts'

function isProblem(reply: RawReply, status: number, name: string, what: string): void {
  const { headers } = reply
  assert.equal(reply.status, status, `${what}: ${reply.body}`)
  assert.equal(headers['content-type'], 'application/problem+json; charset=utf-8', what)
  for (const [header, value] of Object.entries(always)) assert.equal(headers[header], value, `${what}: ${header}`)
  assert.deepEqual(
    Object.keys(headers).filter((header) => header.startsWith('access-control-')),
    [],
    what,
  )
  const problem = reply.json()
  assert.deepEqual([problem['name'], problem['status']], [name, status], what)
  assert.equal(problem['request_id'], headers['x-request-id'], what)
  for (const field of ['type', 'title', 'detail']) assert.equal(typeof problem[field], 'string', what)
}

const json = { 'content-type': 'application/json' }
const operator = { ...json, authorization: `Bearer ${adminKey}` }
const noLength = { 'content-length': undefined, 'transfer-encoding': 'chunked' }

test('outside the paid paths every refusal is a problem document', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const rows: [string, Buffer, number, string][] = [
    ['an unknown path', rawCall(undefined, {}, { path: '/nowhere', method: 'GET' }).whole, 404, 'not_found'],
    ['a body of any kind for an unknown path', rawCall(undefined, {}, { path: '/nowhere' }).whole, 404, 'not_found'],
    [
      'a broken body for an unknown path',
      rawCall(undefined, json, { path: '/nowhere', body: Buffer.from('{') }).whole,
      404,
      'not_found',
    ],
    [
      'a path of the upstream that is not sold',
      rawCall(undefined, {}, { path: '/v1/generation' }).whole,
      404,
      'not_found',
    ],
    [
      'another method',
      rawCall(undefined, json, { path: '/health', body: Buffer.from('{') }).whole,
      405,
      'method_not_allowed',
    ],
    [
      'a method nobody has',
      rawCall(undefined, {}, { path: '/health', method: 'PROPFIND' }).whole,
      405,
      'method_not_allowed',
    ],
    ['a stranger', rawCall(undefined, json, { path: '/admin/v1/books', method: 'GET' }).whole, 401, 'unauthorized'],
    [
      'a path that cannot be decoded',
      rawCall(undefined, {}, { path: '/admin/%zz', method: 'GET' }).whole,
      400,
      'bad_request',
    ],
    [
      'two hosts',
      rawCall(undefined, { host: ['a', 'b'] }, { path: '/health', method: 'GET' }).whole,
      400,
      'bad_request',
    ],
  ]
  for (const [what, wire, status, name] of rows) {
    const raw = await dial(t, house.origin)
    raw.send(wire)
    const reply = await raw.reply()
    isProblem(reply, status, name, what)
    if (status === 405) assert.equal(reply.headers['allow'], 'GET', what)
  }
})

test('a stranger at the admin door is refused before the body is asked for, and an operator is asked', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const body = Buffer.from('{"name":"an account"}')
  const stranger = await dial(t, house.origin)
  stranger.send(rawCall(undefined, { ...json, expect: '100-continue' }, { path: '/admin/v1/accounts', body }).head)
  isProblem(await stranger.reply(), 401, 'unauthorized', 'a stranger')
  assert.equal(stranger.interim, 0)
  assert.equal(await stranger.closed, '')
  const known = await dial(t, house.origin)
  known.send(rawCall(undefined, { ...operator, expect: '100-continue' }, { path: '/admin/v1/accounts', body }).head)
  await until('the body is asked for', () => known.interim === 1)
  known.send(body)
  assert.equal((await known.reply()).status, 201)
})

test('a body that stalls or breaks at the admin door is told so as a problem document, and the connection closed', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), { REQUEST_TIMEOUT_MS: '1500' }))
  const path = '/admin/v1/accounts'
  const stalling = await dial(t, house.origin)
  stalling.send(rawCall(undefined, operator, { path }).head)
  const breaking = await dial(t, house.origin)
  breaking.send(rawCall(undefined, { ...operator, ...noLength }, { path }).head)
  breaking.send(chunked(Buffer.from('{')))
  breaking.send('nonsense\r\n')
  for (const [raw, status, name] of [
    [stalling, 408, 'request_timeout'],
    [breaking, 400, 'bad_request'],
  ] as const) {
    isProblem(await raw.reply(), status, name, name)
    assert.equal(await raw.closed, '', name)
  }
  assert.deepEqual(await house.store.read('SELECT id FROM accounts'), [])
})

test('a broken request behind another one never answers in its place', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const behindIt = [
    Buffer.concat([
      Buffer.from(rawCall(undefined, { ...operator, ...noLength }, { path: '/admin/v1/accounts' }).head),
      Buffer.from('nonsense\r\n'),
    ]),
    rawCall(undefined, { 'x-odd': 'a\0b' }, { path: '/health', method: 'GET' }).whole,
    Buffer.alloc(30_000, 'x'),
  ]
  for (const [index, broken] of behindIt.entries()) {
    standIn.holdAnswers()
    const raw = await dial(t, house.origin)
    raw.send(Buffer.concat([rawCall(secret).whole, broken]))
    await standIn.waitFor(index + 1)
    standIn.letGo()
    const reply = await raw.reply()
    assert.deepEqual([reply.status, reply.headers['content-type']], [200, 'image/png'])
    await raw.closed
  }
  assert.equal((await house.balanceOf(account)).available, 1_000_000)
  await house.balanced()
})

test('the health of the process and its readiness need no key', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const health = await house.client.json('GET', '/health')
  assert.deepEqual([health.status, health.json()], [200, { status: 'ok' }])
  const ready = await house.client.json('GET', '/ready')
  assert.deepEqual([ready.status, ready.json()], [200, { status: 'ready', paid: 'ok' }])
  assert.equal(ready.headers['cache-control'], 'no-store')
})
