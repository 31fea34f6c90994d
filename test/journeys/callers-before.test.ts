import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corePath, formOf } from '../support/client.ts'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { chunked, dial, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

const hasty = { REQUEST_TIMEOUT_MS: '1500' }

/** The log line of the only call by that client act. */
async function lineOf(house: TestHouse, client: string): Promise<Record<string, unknown>> {
  const find = () => house.lines.find((line) => line['client'] === client || line['reason'] === client)
  await until(`a log line ${client}`, () => find() !== undefined)
  return find() ?? {}
}

test('a caller who says nothing, or only half a head, is told 408 and cut', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, hasty))
  const silent = await dial(t, house.origin)
  const slow = await dial(t, house.origin)
  const drip = setInterval(() => slow.send('x'), 50)
  t.after(() => clearInterval(drip))
  slow.send(`POST ${corePath} HTTP/1.1\r\nx-slow: `)
  for (const raw of [silent, slow]) {
    const reply = await raw.reply()
    assert.equal(reply.status, 408)
    assert.equal(reply.headers['connection'], 'close')
    assert.equal(reply.headers['cache-control'], 'no-store')
    assert.equal(reply.headers['x-content-type-options'], 'nosniff')
    assert.equal(reply.json()['name'], 'request_timeout')
    assert.equal(await raw.closed, '')
  }
  const levels = house.lines.filter(({ reason }) => reason === 'client_slow_head').map(({ level }) => level)
  assert.deepEqual(levels.sort(), [20, 30], 'silence is for debugging only')
  assert.equal(standIn.calls.length, 0)
})

test('a caller who leaves before the body is whole costs nobody anything', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { id, secret } = await house.key(account, { maxConcurrency: 1 })
  const { head, body } = rawCall(secret)
  const half = body.subarray(0, 40)
  const ways: Readonly<Record<string, (raw: Awaited<ReturnType<typeof dial>>) => void>> = {
    'disconnects behind the head': ({ socket }) => socket.destroySoon(),
    'resets behind the head': ({ socket }) => socket.resetAndDestroy(),
    'resets in the middle of the body': ({ socket }) => socket.write(half, () => socket.resetAndDestroy()),
    'disconnects in the middle of the body': ({ socket }) => socket.write(half, () => socket.destroySoon()),
  }
  for (const [way, leave] of Object.entries(ways)) {
    const before = house.lines.length
    const raw = await dial(t, house.origin)
    raw.send(head)
    await until(`the head was read before the caller ${way}`, async () => {
      return (await house.client.call(secret, { prompt: ' ' })).status === 429
    })
    leave(raw)
    const left = () => house.lines.slice(before).find((line) => line['client'] === 'client_aborted_upload')
    await until(`a log line for the caller who ${way}`, () => left() !== undefined)
    const { key, reason, delivered, level } = left() ?? {}
    assert.deepEqual({ key, reason, level }, { key: id, reason: 'client_aborted_upload', level: 30 }, way)
    assert.equal(delivered, way.includes('disconnects'), way)
    assert.equal((await house.client.call(secret, { prompt: ' ' })).status, 400, `the slot is free after: ${way}`)
  }
  assert.equal(standIn.calls.length, 0)
  assert.deepEqual(await house.store.read('SELECT id FROM calls'), [])
  await house.atRest()
})

test('a caller who ends the body early is told so in the dialect of the door', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(10))
  const { head, body } = rawCall(secret)
  const short = await dial(t, house.origin)
  short.send(head)
  short.socket.end(body.subarray(0, 30))
  const shortChunks = await dial(t, house.origin)
  shortChunks.send(rawCall(secret, { 'content-length': undefined, 'transfer-encoding': 'chunked' }).head)
  shortChunks.socket.end(chunked(body.subarray(0, 30)))
  const badChunks = await dial(t, house.origin)
  badChunks.send(rawCall(secret, { 'content-length': undefined, 'transfer-encoding': 'chunked' }).head)
  badChunks.send('not a size\r\n')
  for (const raw of [short, shortChunks, badChunks]) {
    const reply = await raw.reply()
    assert.equal(reply.status, 400)
    assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8')
    assert.equal(reply.headers['connection'], 'close')
    assert.deepEqual(Object.keys(reply.json()), ['id', 'name', 'errors'])
    assert.equal(reply.json()['id'], reply.headers['x-request-id'])
    assert.equal(await raw.closed, '')
  }
  await house.atRest()
})

test('a body that stalls or trickles is told 408 and cut, and its slot is free again', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, hasty))
  const { secret } = await house.key(await house.account(10), { maxConcurrency: 2 })
  const { head, body } = rawCall(secret)
  const [stalling, trickling] = [await dial(t, house.origin), await dial(t, house.origin)]
  stalling.send(head)
  stalling.send(body.subarray(0, 50))
  trickling.send(rawCall(secret, { 'content-length': undefined, 'transfer-encoding': 'chunked' }).head)
  const drip = setInterval(() => trickling.send(chunked(Buffer.from('x'))), 50)
  t.after(() => clearInterval(drip))
  for (const raw of [stalling, trickling]) {
    const reply = await raw.reply()
    assert.equal(reply.status, 408)
    assert.equal(reply.headers['connection'], 'close')
    assert.deepEqual(Object.keys(reply.json()), ['id', 'name', 'errors'])
    assert.equal(reply.json()['name'], 'request_timeout')
    assert.equal(await raw.closed, '')
  }
  const { reason, status, level } = await lineOf(house, 'client_slow_upload')
  assert.deepEqual({ reason, status, level }, { reason: 'client_slow_upload', status: 408, level: 30 })
  assert.equal((await house.client.call(secret, { prompt: 'after that' })).status, 200)
  assert.equal(standIn.calls.length, 1)
  await house.atRest()
})

test('a caller who leaves with the last byte is not charged unless the call was on its way', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(300)
  const { secret } = await house.key(account)
  for (let turn = 0; turn < 20; turn++) {
    const raw = await dial(t, house.origin)
    const { whole } = rawCall(secret, {}, { body: formOf({ prompt: `gone ${turn}` }) })
    raw.socket.write(whole, () => (turn % 2 ? raw.socket.resetAndDestroy() : raw.socket.destroySoon()))
  }
  const ended = () => house.lines.filter((line) => line['msg'] === 'call')
  await until('twenty log lines', () => ended().length === 20)
  await house.atRest()
  const rows = await house.store.read('SELECT state, reason FROM calls')
  const settled = rows.filter(({ state }) => state === 'settled').length
  assert.equal(settled, standIn.calls.length)
  assert.equal((await house.balanceOf(account)).posted, (300 - 3 * settled) * 1_000_000)
  for (const { client, outcome, delivered, reason } of ended()) {
    const dispatched = outcome === 'succeeded'
    if (delivered) continue
    assert.match(String(client), dispatched ? /_after_dispatch$|_download$/ : /_before_dispatch$|_upload$/)
    assert.equal(reason, dispatched ? 'success' : client)
  }
})

test('a caller who leaves between the hold and the sending gets everything back and nothing is sent', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const { write } = house.store
  let left = false
  const raw = await dial(t, house.origin)
  // The house asks once more right before it sends; the hold is the last thing it waits for before that.
  Object.assign(house.store, {
    write: async (unit: Parameters<typeof write>[0]) => {
      const done = await write(unit)
      const statements = 'form' in unit ? unit.form.steps : unit
      if (statements.some(({ sql }) => sql.includes('INSERT INTO calls')) && !left) {
        left = true
        raw.socket.resetAndDestroy()
        // Whatever arrived before this answer was asked for has been read by then.
        await house.client.json('GET', '/health')
      }
      return done
    },
  })
  raw.send(rawCall(secret).whole)
  const line = await lineOf(house, 'client_aborted_before_dispatch')
  const { reason, outcome, credits, delivered } = line
  assert.deepEqual(
    { reason, outcome, credits, delivered },
    { reason: 'client_aborted_before_dispatch', outcome: 'failed', credits: '0', delivered: false },
  )
  const row = await house.ended(String(line['call']))
  assert.deepEqual([row['state'], row['reason']], ['released', 'client_aborted_before_dispatch'])
  assert.equal(standIn.calls.length, 0)
  assert.equal((await house.balanceOf(account)).available, 10_000_000)
  await house.atRest()
})

test('a caller who closes one half is one who has left: free before the sending, charged by the outcome after it', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  standIn.holdAnswers()
  const raw = await dial(t, house.origin)
  raw.send(rawCall(secret).whole)
  await standIn.waitFor(1)
  raw.socket.end()
  assert.equal(await raw.closed, '')
  standIn.letGo()
  const { outcome, reason, delivered } = await lineOf(house, 'client_aborted_after_dispatch')
  assert.deepEqual({ outcome, reason, delivered }, { outcome: 'succeeded', reason: 'success', delivered: false })
  assert.equal((await house.balanceOf(account)).available, 7_000_000)
  await house.atRest()
})

test('two calls in one packet are answered in their order, and each is charged once', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '1500' }))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const raw = await dial(t, house.origin)
  // The first answer is out long before the second, and the pause between them is the upstream's.
  const wire = ['mode:slow-headers:200 first', 'mode:slow-headers:2500 second'].map(
    (prompt) => rawCall(secret, {}, { body: formOf({ prompt }) }).whole,
  )
  raw.send(Buffer.concat(wire))
  for (const prompt of ['first', 'second']) {
    const reply = await raw.reply()
    assert.equal(reply.status, 200, reply.body.toString())
    const call = standIn.calls.find((each) => each.prompt.endsWith(prompt))
    assert.ok(reply.body.includes(call?.sha256 ?? '?'), `the ${prompt} reply has the ${prompt} picture`)
  }
  assert.equal((await house.balanceOf(account)).available, 4_000_000)
  await house.atRest()
})

test('an answer that waits behind a slower one on its connection is not taken for a stalled reader', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { REQUEST_TIMEOUT_MS: '1500' }))
  const { secret } = await house.key(await house.account(10))
  const raw = await dial(t, house.origin)
  const wire = ['mode:slow-headers:2500 slow', 'quick'].map(
    (prompt) => rawCall(secret, {}, { body: formOf({ prompt }) }).whole,
  )
  raw.send(Buffer.concat(wire))
  assert.deepEqual([(await raw.reply()).status, (await raw.reply()).status], [200, 200])
  await house.atRest()
})

test('a caller who leaves with calls in one packet still gets every slot back', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(100), { maxConcurrency: 3 })
  standIn.holdAnswers()
  const raw = await dial(t, house.origin)
  raw.send(Buffer.concat([1, 2, 3].map(() => rawCall(secret).whole)))
  await standIn.waitFor(3)
  assert.equal((await house.client.call(secret, { prompt: 'a fourth' })).status, 429)
  raw.socket.resetAndDestroy()
  standIn.letGo()
  await until('three log lines', () => house.lines.filter(({ delivered }) => delivered === false).length === 3)
  const replies = await Promise.all([1, 2, 3].map(() => house.client.call(secret, { prompt: 'again' })))
  assert.deepEqual(
    replies.map(({ status }) => status),
    [200, 200, 200],
  )
  await house.atRest()
})

test('after a refusal with an unread body the connection serves the next call, or is closed', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const good = rawCall(secret)
  const small = await dial(t, house.origin)
  small.send(Buffer.concat([rawCall(undefined).whole, good.whole]))
  assert.deepEqual([(await small.reply()).status, (await small.reply()).status], [401, 200])

  const large = rawCall(undefined, {}, { body: Buffer.alloc(300_000, 'POST / HTTP/1.1\r\n\r\n') })
  const noLength = { 'content-length': undefined, 'transfer-encoding': 'chunked' }
  const chunks = [rawCall(undefined, noLength).head, chunked(good.body), '0\r\n\r\n'].map(Buffer.from)
  for (const first of [large.whole, Buffer.concat(chunks)]) {
    const raw = await dial(t, house.origin)
    raw.send(Buffer.concat([first, good.whole]))
    const reply = await raw.reply()
    assert.equal(reply.status, 401)
    assert.equal(reply.headers['connection'], 'close')
    assert.equal(await raw.closed, '')
  }
  assert.equal(standIn.calls.length, 1)
  await house.atRest()
})

test('nonsense behind a whole call does not spoil its answer', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  standIn.holdAnswers()
  const raw = await dial(t, house.origin)
  raw.send(Buffer.concat([rawCall(secret).whole, Buffer.from('this is not HTTP\r\n\r\n')]))
  await standIn.waitFor(1)
  standIn.letGo()
  const reply = await raw.reply()
  assert.deepEqual([reply.status, reply.headers['connection']], [200, 'close'])
  assert.equal(await raw.closed, '')
  assert.equal((await house.balanceOf(account)).available, 7_000_000)
  await house.atRest()
})

test('a body that breaks behind a call still at work takes nothing from it, and is told apart in the log', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const [fresh, known] = [await house.key(account), await house.key(account)]
  assert.equal((await house.client.call(known.secret, { prompt: 'now it is known' })).status, 200)
  const raw = await dial(t, house.origin)
  // The key of the first is looked up while the second, whose key is known, waits for its body already.
  const first = rawCall(fresh.secret, {}, { body: formOf({ prompt: 'mode:slow-headers:300' }) })
  const second = rawCall(known.secret, { 'content-length': undefined, 'transfer-encoding': 'chunked' })
  raw.send(Buffer.concat([first.whole, Buffer.from(second.head), chunked(second.body.subarray(0, 20))]))
  await standIn.waitFor(2)
  raw.send('no chunk at all\r\n')
  const reply = await raw.reply()
  assert.deepEqual([reply.status, reply.headers['connection']], [200, 'close'])
  assert.equal(await raw.closed, '')
  const { key, outcome, reason } = await lineOf(house, 'client_bad_http')
  assert.deepEqual([key, outcome, reason], [known.id, 'refused', 'client_bad_http'])
  assert.equal((await house.balanceOf(account)).available, 4_000_000)
  await house.balanced()
})
