import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { bodies } from '../../src/buffers.ts'
import { answerMessage } from '../bench/parcels.ts'
import { formOf, usualBoundary } from '../support/client.ts'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { lastOf, shortTimes } from '../support/outcomes.ts'
import { until } from '../support/raw-client.ts'
import type { StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

/** A good call, which must get the picture that was made for it. */
async function ownPicture(house: TestHouse, standIn: StandIn, secret: string, prompt: string): Promise<void> {
  const reply = await house.client.call(secret, { prompt })
  assert.equal(reply.status, 200, reply.body.toString('latin1', 0, 300))
  const call = lastOf(standIn)
  assert.equal(call.prompt, prompt)
  assert.ok(reply.body.includes(call.sha256), 'the picture of another call')
}

const broken = [
  ...['reset-before-headers', 'fin-before-headers', 'reset-on-headers', 'reset-mid-headers', 'fin-mid-headers'],
  ...['reset-after-headers', 'fin-after-headers', 'reset-mid-body', 'fin-mid-body', 'fin-last-byte', 'length-too-long'],
  ...['length-and-chunked', 'two-lengths', 'length-text', 'length-negative', 'length-huge', 'length-too-short'],
  ...['chunked-truncated', 'chunked-cut', 'chunked-bad-size', 'chunked-negative', 'chunked-0x', 'chunked-huge'],
  ...['chunked-bad-end', 'chunked-bare-lf', 'close-delimited', 'http-1.0', 'te-unknown', 'garbage', 'bad-status-line'],
  ...['bad-version', 'status-99', 'http-0.9', 'header-bare-cr', 'header-nul', 'header-folded', 'header-no-colon'],
  ...['header-huge', 'header-many', 'big-body', 'endless-body', 'error-huge', 'error-truncated', 'info-100'],
  ...['switching', 'connection-close', 'keepalive-lie', 'poison'],
]

test('the connection of a broken answer is not used again, and the next call gets its own picture', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(1000))
  for (const mode of broken) {
    await t.test(mode, async () => {
      await house.client.call(secret, { prompt: `mode:${mode}` })
      const { connection } = lastOf(standIn)
      await ownPicture(house, standIn, secret, `after ${mode}`)
      assert.notEqual(lastOf(standIn).connection, connection)
    })
  }
  await house.balanced()
})

test('an answer that came whole leaves its connection to the next call', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(1000))
  for (const mode of ['ok', 'chunked', 'chunked-trailers', 'bad-request', 'unavailable', 'created', 'wrong-type']) {
    await t.test(mode, async () => {
      await house.client.call(secret, { prompt: `mode:${mode}` })
      await ownPicture(house, standIn, secret, `after ${mode}`)
    })
  }
  assert.equal(standIn.connections, 1)
  await house.balanced()
})

test('a second answer that nobody asked for reaches nobody', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(1000))
  await ownPicture(house, standIn, secret, 'mode:poison-later')
  // The second answer is there when the next call begins.
  await new Promise((wake) => setTimeout(wake, 150))
  await ownPicture(house, standIn, secret, 'the next one')
  await house.balanced()
})

test('a pooled connection that dies under a request is a 502 and is not tried again', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  await ownPicture(house, standIn, secret, 'mode:stale-keepalive')
  const reply = await house.client.call(secret, { prompt: 'into the void' })
  assert.deepEqual([reply.status, reply.json()['name']], [502, 'upstream_error'])
  assert.equal(reply.headers['x-credits-available'], '7')
  const row = await house.ended(reply.headers['x-request-id'] ?? '')
  assert.deepEqual([row['outcome'], row['reason'], row['upstream_may_bill']], ['unknown', 'upstream_reset', 1])
  assert.equal(standIn.calls.length, 2)
  await ownPicture(house, standIn, secret, 'the next one')
  await house.balanced()
})

test('an answer to a request that was not read is taken for what it says', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  standIn.mode('early-413')
  const reply = await house.client.call(secret, { prompt: 'too much' })
  assert.equal(reply.headers['x-credits-charged'], '0')
  // The upstream may close so early that its own words are lost.
  assert.ok(reply.status === 413 || reply.status === 502, String(reply.status))
  standIn.mode('ok')
  await ownPicture(house, standIn, secret, 'the next one')
  assert.equal(standIn.calls.length, 2)
  await house.balanced()
})

/** An upstream that answers the head of a form, and reads on only when it is told to. */
async function hastyUpstream(t: TestContext) {
  const pieces: Buffer[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', (piece: Buffer) => {
      pieces.push(piece)
      socket.pause().write(answerMessage('picture'))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  /** Answers once more when it has read so many bytes. */
  function readOn(socket: Socket, bytes: number): void {
    let left = bytes
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      if (left > 0 && left <= piece.length) socket.write(answerMessage('picture'))
      left -= piece.length
    })
    socket.resume()
  }

  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { origin, sockets, readOn, read: () => Buffer.concat(pieces) }
}

test('a form that is answered before it was read reaches the upstream unchanged, whatever others send by then', async (t) => {
  const upstream = await hastyUpstream(t)
  const house = await openTestHouse(t, behind(upstream))
  const { secret } = await house.key(await house.account(10))
  const [one = Buffer.alloc(0), other = Buffer.alloc(0)] = ['a', 'b'].map((filler) =>
    formOf({ prompt: 'a large form', filler: filler.repeat(9_000_000) }),
  )
  const sent = (bytes: Buffer) => house.client.call(secret, {}, { raw: { bytes, boundary: usualBoundary } })
  assert.equal((await sent(one)).status, 200)
  // It waits behind the first on the same connection, and has come in by then.
  const second = sent(other)
  await until('the second form is in', async () => (await house.store.read('SELECT id FROM calls')).length === 2)
  assert.equal(upstream.sockets.length, 1)
  for (const socket of upstream.sockets) upstream.readOn(socket, one.length + 1000)
  assert.equal((await second).status, 200)
  await until('both forms are read', () => upstream.read().length > one.length + other.length)
  assert.ok(upstream.read().includes(one), 'the first form was changed')
  assert.ok(upstream.read().includes(other), 'the second form was changed')
  await house.balanced()
})

test('the memory of a large form is given back when the upstream has read it', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const bytes = formOf({ prompt: 'a large form', filler: 'a'.repeat(9_000_000) })
  const given = t.mock.method(bodies, 'giveBack')
  assert.equal((await house.client.call(secret, {}, { raw: { bytes, boundary: usualBoundary } })).status, 200)
  await house.atRest()
  assert.ok(given.mock.calls.some(({ arguments: [body] }) => body.equals(bytes)))
})

test('the memory of a picture that nobody gets is given back, whether it broke or was refused', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  const given = t.mock.method(bodies, 'giveBack')
  for (const mode of ['fin-mid-body', 'wrong-type']) {
    given.mock.resetCalls()
    assert.equal((await house.client.call(secret, { prompt: `mode:${mode}` })).status, 502)
    await house.atRest()
    const lengths = given.mock.calls.map(({ arguments: [body] }) => body.length)
    // The form is shorter than any picture here.
    assert.equal(lengths.filter((length) => length >= 2000).length, 1, `${mode}: ${lengths}`)
  }
  await house.balanced()
})

test('an answer larger than the limit is cut there, whether it announces its length or never ends', async (t) => {
  const standIn = await opened(t)
  const limitBytes = 2_000_000
  const house = await openTestHouse(t, behind(standIn, { ...shortTimes, ANSWER_LIMIT_BYTES: String(limitBytes) }))
  const { secret } = await house.key(await house.account(1000))
  const before = process.memoryUsage().rss
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss - before)
  }, 10)
  t.after(() => clearInterval(watch))
  for (const mode of [
    'big-body:800000000',
    'endless-body',
    'ok:2000001',
    'error-huge',
    'error-huge:400',
    'gzip-bomb',
  ]) {
    const reply = await house.client.call(secret, { prompt: `mode:${mode}` })
    assert.equal(reply.headers['x-credits-charged'], '0', mode)
    if (mode === 'error-huge') assert.equal(reply.status, 500)
    else if (mode === 'error-huge:400') assert.equal(reply.status, 400)
    else assert.equal(reply.status, 502, mode)
  }
  const whole = await house.client.call(secret, { prompt: `mode:ok:${limitBytes}` })
  assert.deepEqual([whole.status, whole.body.length], [200, limitBytes])
  assert.ok(most < 150_000_000, `grew by ${most} bytes`)
  await house.balanced()
})
