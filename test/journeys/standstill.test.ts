import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokenRequests, openServer } from '../../src/connections.ts'
import { openLog } from '../../src/log.ts'
import { formOf } from '../support/client.ts'
import { gather, slowBody, slowHead, stalledReader } from '../support/crowd.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { dial, type Raw, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

const mebibyte = 1024 * 1024
const everyMs = 100

/** Sends on and on, so that a connection is never silent; gone with the test. */
function drip(t: TestContext, raw: Raw, bytes: string): void {
  const timer = setInterval(() => raw.send(bytes), everyMs)
  t.after(() => clearInterval(timer))
}

for (const [what, bytes] of [
  ['empty lines', '\r\n'],
  ['half a head', 'x'],
] as const) {
  test(`a reader who stands still is cut although ${what} keep coming from there`, async (t) => {
    const house = await openTestHouse(t, behind(await opened(t), { REQUEST_TIMEOUT_MS: '1500' }))
    const { secret } = await house.key(await house.account(10))
    const raw = await dial(t, house.origin, { reading: false })
    raw.send(rawCall(secret, {}, { body: formOf({ prompt: `mode:ok:${24 * mebibyte}` }) }).whole)
    drip(t, raw, bytes)
    await until('it is cut', () => house.lines.some(({ client }) => client === 'client_slow_download'))
    await house.atRest()
  })
}

test('who stands still before replies that no key is needed for is cut, and others are served meanwhile', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '1500' }))
  const { secret } = await house.key(await house.account(3000))
  const document = (await house.client.json('GET', '/openapi.json')).body.length
  const { head } = rawCall(undefined, { 'content-length': undefined }, { path: '/openapi.json', method: 'GET' })
  // More than the kernel keeps for a reader.
  const wire = head.repeat(Math.ceil((24 * mebibyte) / document))
  const raw = await dial(t, house.origin, { reading: false })
  raw.send(wire)
  drip(t, raw, '\r\n')
  let closed = false
  raw.socket.once('close', () => {
    closed = true
  })
  let served = 0
  await until('it is cut', async () => {
    assert.equal((await house.client.call(secret, { prompt: 'meanwhile' })).status, 200)
    served++
    return closed
  })
  assert.equal(standIn.calls.length, served)
  await house.atRest()
})

/** A server whose idle connections are closed after a moment. */
async function openIdle(t: TestContext, requestTimeoutMs: number, keepAliveMs: number): Promise<string> {
  const server = openServer((_request, response) => response.end('here'), requestTimeoutMs, keepAliveMs)
  server.on('clientError', brokenRequests(openLog('silent', false, { write: () => undefined })))
  server.listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  return `http://127.0.0.1:${address.port}`
}

const { head: asking } = rawCall(undefined, { 'content-length': undefined }, { method: 'GET' })

test('an idle connection is closed although empty lines keep coming', async (t) => {
  const raw = await dial(t, await openIdle(t, 1500, 500))
  raw.send(asking)
  assert.equal((await raw.reply()).status, 200)
  drip(t, raw, '\r\n')
  await until('it is closed', () => raw.socket.closed)
})

test('a second head on a connection has no more time than a first one', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), { REQUEST_TIMEOUT_MS: '1500' }))
  const { secret } = await house.key(await house.account(10))
  const raw = await dial(t, house.origin)
  raw.send(rawCall(secret).whole)
  assert.equal((await raw.reply()).status, 200)
  raw.send('POST /sd HTTP/1.1\r\nx-slow: ')
  drip(t, raw, 'x')
  const reply = await raw.reply()
  assert.deepEqual([reply.status, reply.json()['name']], [408, 'request_timeout'])
  assert.equal(await raw.closed, '')
  await house.atRest()
})

test('a crowd of stalled readers, slow heads and slow bodies is gone in time, and everybody else is served meanwhile', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '3000' }))
  const { secret } = await house.key(await house.account(1000))
  const { secret: other } = await house.key(await house.account(1000))
  const port = Number(new URL(house.origin).port)
  const [readers, answerBytes] = [40, 5 * mebibyte]
  const large = formOf({ prompt: `mode:ok:${answerBytes}` })
  const crowds = await Promise.all([
    gather(port, 100, slowHead(everyMs)),
    gather(port, 100, slowBody(secret, 1000, everyMs)),
    gather(port, readers, stalledReader(secret, large, everyMs)),
  ])
  t.after(() => {
    for (const crowd of crowds) crowd.close()
  })
  let served = 0
  let most = 0
  while (crowds.some((crowd) => crowd.left() > 0)) {
    const reply = await house.client.call(other, { prompt: 'an ordinary call' })
    assert.equal(reply.status, 200, `after ${served} calls: ${reply.body}`)
    served++
    most = Math.max(most, house.bytes.inFlight)
    await sleep(50)
  }
  assert.ok(served > 3, 'they were served while the crowd was there')
  assert.ok(most <= readers * (answerBytes + large.length) + 100 * 1000 + 100_000, `${most} bytes at once`)
  const acts = Object.groupBy(house.lines, ({ client, reason }) => String(client ?? reason))
  assert.equal(acts['client_slow_upload']?.length, 100)
  assert.equal(acts['client_slow_head']?.length, 100)
  assert.equal(acts['client_slow_download']?.length, readers)
  await house.atRest()
})
