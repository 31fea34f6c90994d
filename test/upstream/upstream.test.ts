import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { unpaced } from '../../src/limits/pace.ts'
import { openTokens } from '../../src/upstream/tokens.ts'
import { openTurns } from '../../src/upstream/turns.ts'
import { openUpstream, type Parcel } from '../../src/upstream/upstream.ts'
import { form, opened } from '../support/stand-in-client.ts'

const secrets = ['sk-one-7f3a9c2e5b8d1406', 'sk-two-0a1b2c3d4e5f6071']

function parcelOf(prompt: string): Parcel {
  const body = form({ prompt })
  const sent = {
    path: '/v2beta/core',
    body,
    contentLength: body.length,
    accept: 'image/*',
    userId: 'pseudonym',
  } as const
  const client = { clientId: undefined, clientVersion: undefined }
  return { ...sent, ...client, contentType: 'multipart/form-data; boundary=a-boundary' }
}

function upstreamOf(t: TestContext, origin: string, deadlineMs = 5000, path = '') {
  const tokens = openTokens(secrets.map((value) => ({ value, weight: 1 })))
  const turns = openTurns(tokens.all, {
    pace: unpaced,
    departures: unpaced,
    concurrency: 0,
    mostInFlight: 10,
    rest: true,
  })
  const times = { connectTimeoutMs: 300, headersTimeoutMs: 4000, bodyTimeoutMs: 4000, deadlineMs }
  const notices: string[] = []
  const settings = { name: 'stability', origin, path, ca: undefined, ...times, answerLimitBytes: 100_000 }
  const upstream = openUpstream(settings, tokens, turns, (_level, reason) => notices.push(reason))
  t.after(() => upstream.close())

  async function forward(parcel: Parcel, gone: () => boolean) {
    const turn = await turns.take()
    assert.ok(typeof turn !== 'number')
    return upstream.forward(parcel, turn, gone)
  }

  return { upstream, forward, turns, notices }
}

const here = () => false

test('a parcel goes out once, byte for byte, under the path of the upstream', async (t) => {
  const standIn = await opened(t)
  const { forward } = upstreamOf(t, standIn.origin, 5000, '/sd')
  const parcel = parcelOf('a lighthouse')
  const { answer, attempts, retryAfterSeconds } = await forward(parcel, here)
  assert.deepEqual([answer.kind, answer.status, attempts.length, retryAfterSeconds], ['whole', 200, 1, undefined])
  const [call] = standIn.calls
  assert.deepEqual([call?.path, call?.method, call?.token], ['/sd/v2beta/core', 'POST', secrets[0]])
  assert.deepEqual(call?.body, parcel.body)
  const names = call?.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  assert.deepEqual(names?.sort(), [
    ...['accept', 'accept-encoding', 'authorization', 'connection', 'content-length', 'content-type', 'host'],
    ...['stability-client-user-id', 'user-agent'],
  ])
})

test('a caller who is gone before the sending costs nobody anything', async (t) => {
  const standIn = await opened(t)
  const { forward } = upstreamOf(t, standIn.origin)
  const { answer, attempts } = await forward(parcelOf('a lighthouse'), () => true)
  assert.deepEqual([answer.kind, answer.reason, attempts.length], ['unsent', 'client_aborted_before_dispatch', 0])
  assert.equal(standIn.connections, 0)
})

test('a caller who leaves between two tokens is not sent for again', async (t) => {
  const standIn = await opened(t)
  standIn.mode('rate-limited')
  const { forward } = upstreamOf(t, standIn.origin)
  const { answer } = await forward(parcelOf('a lighthouse'), () => standIn.calls.length > 0)
  assert.equal(answer.reason, 'client_aborted_before_dispatch')
  assert.equal(standIn.calls.length, 1)
})

test('when no token can take the parcel nothing is sent, and the wait is that of the first one back', async (t) => {
  const standIn = await opened(t)
  const { upstream, turns } = upstreamOf(t, standIn.origin)
  const [one, two, three] = [await turns.take(), await turns.take(), await turns.take()]
  assert.ok(typeof one === 'object' && typeof two === 'object' && typeof three === 'object')
  turns.setAside(one.token, 'revoked', 'test')
  turns.setAside(two.token, 'empty', 'test')
  const hopeless = await upstream.forward(parcelOf('a lighthouse'), one, here)
  assert.deepEqual([hopeless.answer.kind, hopeless.retryAfterSeconds], ['unsent', undefined])
  turns.setAside(two.token, 'cooling', 'test', 500_000)
  const waiting = await upstream.forward(parcelOf('a lighthouse'), two, here)
  assert.equal(waiting.answer.kind, 'unsent')
  assert.ok(waiting.retryAfterSeconds !== undefined && waiting.retryAfterSeconds > 400)
  assert.equal(standIn.connections, 0)
})

test('a refusal that ends only with the deadline is the last try', async (t) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    // The head refuses the token, and the body never comes.
    socket.once('data', () => socket.write('HTTP/1.1 401 Unauthorized\r\ncontent-length: 10\r\n\r\n'))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const { forward } = upstreamOf(t, `http://127.0.0.1:${port}`, 500)
  const { answer, attempts } = await forward(parcelOf('a lighthouse'), here)
  assert.deepEqual([answer.kind, answer.status, answer.reason], ['silent', 401, 'upstream_deadline'])
  assert.equal(attempts.length, 1)
})

test('two tokens may rest at once, and both are said aloud', async (t) => {
  const standIn = await opened(t)
  standIn.tokenMode(secrets[0] ?? '', 'out-of-credits')
  standIn.tokenMode(secrets[1] ?? '', 'rate-limited:90')
  const { upstream, forward, notices } = upstreamOf(t, standIn.origin)
  const { answer, attempts, retryAfterSeconds } = await forward(parcelOf('a lighthouse'), here)
  assert.deepEqual([answer.status, retryAfterSeconds], [429, 90])
  assert.deepEqual(
    attempts.map(({ status }) => status),
    [402, 429],
  )
  assert.deepEqual(notices, ['upstream_out_of_credits', 'upstream_429'])
  assert.deepEqual(
    upstream.tokens().map(({ state }) => state),
    ['empty', 'cooling'],
  )
  assert.equal(standIn.calls.length, 2)
})

test('a header that repeats the token is named aloud, without its value', async (t) => {
  const standIn = await opened(t)
  const { forward, notices } = upstreamOf(t, standIn.origin)
  await forward(parcelOf('mode:echo-token'), here)
  assert.deepEqual(notices, ['upstream_echoes_secret'])
})
