import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formOf } from '../support/client.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { openPlace } from '../support/process.ts'
import { chunked, dial, type RawReply, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'
import { modeNames } from '../support/stand-in-modes.ts'

const mebibyte = 1024 * 1024
const expecting = { expect: '100-continue' }
const noLength = { 'content-length': undefined, 'transfer-encoding': 'chunked' }

function isBusy(reply: RawReply): void {
  assert.deepEqual([reply.status, reply.json()['name']], [503, 'busy'])
  assert.match(reply.headers['retry-after'] ?? '', /^[1-9]\d*$/)
}

test('a call whose announced bytes have no room is busy before its body is asked for, until another one is over', async (t) => {
  const standIn = await opened(t)
  const room = { BODY_LIMIT_BYTES: '10000', BYTES_IN_FLIGHT_LIMIT: '20000' }
  const house = await openTestHouse(t, behind(standIn, room))
  const { secret } = await house.key(await house.account(100), { maxConcurrency: 3 })
  const { head, body } = rawCall(secret, expecting, {
    body: formOf({ prompt: 'x', padding: 'y'.repeat(9000) }),
  })
  const waiting = [await dial(t, house.origin), await dial(t, house.origin)]
  for (const raw of waiting) raw.send(head)
  await until('two bodies are asked for', () => waiting.every(({ interim }) => interim === 1))
  assert.equal(house.bytes.inFlight, 2 * body.length)
  for (let count = 0; count < 3; count++) {
    const third = await dial(t, house.origin)
    third.send(head)
    isBusy(await third.reply())
    assert.equal(third.interim, 0)
  }
  assert.equal(house.bytes.inFlight, 2 * body.length)
  const small = await house.client.call(secret, { prompt: 'there is room for this one' })
  assert.equal(small.status, 200)
  waiting[0]?.socket.resetAndDestroy()
  await until('the bytes of who left are back', () => house.bytes.inFlight === body.length)
  const later = await dial(t, house.origin)
  later.send(head)
  await until('the body is asked for', () => later.interim === 1)
  for (const raw of [later, waiting[1]]) {
    raw?.send(body)
    assert.equal((await raw?.reply())?.status, 200)
  }
  assert.equal(standIn.calls.length, 3)
  await house.atRest()
})

test('a body in chunks takes room as it comes and is told so in the middle when there is no more', async (t) => {
  const room = { BODY_LIMIT_BYTES: '10000', BYTES_IN_FLIGHT_LIMIT: '10000' }
  const house = await openTestHouse(t, behind(await opened(t), room))
  const { secret } = await house.key(await house.account(100))
  const [one, other] = [await dial(t, house.origin), await dial(t, house.origin)]
  one.send(rawCall(secret, noLength).head)
  one.send(chunked(Buffer.alloc(6000, 'x')))
  await until('its bytes are counted', () => house.bytes.inFlight === 6000)
  other.send(rawCall(secret, noLength).head)
  other.send(chunked(Buffer.alloc(3000, 'x')))
  await until('those of the other too', () => house.bytes.inFlight === 9000)
  other.send(chunked(Buffer.alloc(3000, 'x')))
  isBusy(await other.reply())
  assert.equal(await other.closed, '')
  await until('the bytes of the refused one are back', () => house.bytes.inFlight === 6000)
  one.socket.resetAndDestroy()
  await house.atRest()
})

test('uploads that hold all the room and cannot be whole in time make room for others before their time is over', async (t) => {
  const room = { BODY_LIMIT_BYTES: '10000', BYTES_IN_FLIGHT_LIMIT: '20000', REQUEST_TIMEOUT_MS: '8000' }
  const house = await openTestHouse(t, behind(await opened(t), room))
  const { secret } = await house.key(await house.account(100))
  const slow = [await dial(t, house.origin), await dial(t, house.origin)]
  for (const raw of slow) {
    raw.send(rawCall(secret, { 'content-length': '10000' }).head)
    raw.send('x'.repeat(50))
  }
  await until('they hold all there is', () => house.bytes.inFlight === 20_000)
  const first = await house.client.call(secret, { prompt: 'an ordinary call' })
  assert.deepEqual([first.status, first.json()['name']], [503, 'busy'])
  await until('an ordinary call is served', async () => {
    return (await house.client.call(secret, { prompt: 'an ordinary call' })).status === 200
  })
  for (const raw of slow) {
    const reply = await raw.reply()
    const { name, errors } = reply.json()
    assert.deepEqual([reply.status, name], [408, 'request_timeout'])
    assert.deepEqual(errors, ['The body came too slowly while others needed its room.'])
    assert.equal(await raw.closed, '')
  }
  assert.equal(house.lines.filter(({ reason }) => reason === 'client_slow_upload').length, 2)
  await house.atRest()
})

test('an answer that was paid for is never refused its room, and keeps it until it is out or its reader gone', async (t) => {
  const standIn = await opened(t)
  const room = { BODY_LIMIT_BYTES: '10000', BYTES_IN_FLIGHT_LIMIT: String(mebibyte) }
  const house = await openTestHouse(t, behind(standIn, room))
  const { secret } = await house.key(await house.account(100))
  const large = formOf({ prompt: `mode:ok:${24 * mebibyte}` })
  const whole = await house.client.call(secret, { prompt: `mode:ok:${2 * mebibyte}` })
  assert.deepEqual([whole.status, whole.body.length], [200, 2 * mebibyte])
  const deaf = await dial(t, house.origin, { reading: false })
  deaf.send(rawCall(secret, {}, { body: large }).whole)
  const bytes = large.length + 24 * mebibyte
  await until('the answer is counted', () => house.bytes.inFlight === bytes)
  const busy = await house.client.call(secret, { prompt: 'x' })
  assert.deepEqual([busy.status, busy.json()['name']], [503, 'busy'])
  assert.equal(house.bytes.inFlight, bytes)
  deaf.socket.resetAndDestroy()
  await house.atRest()
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.atRest()
})

test('an answer of a caller who left is counted until the call is over', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(100))
  standIn.holdAnswers()
  const raw = await dial(t, house.origin)
  const { whole, body } = rawCall(secret, {}, { body: formOf({ prompt: 'mode:hang-mid-body' }) })
  raw.send(whole)
  await standIn.waitFor(1)
  raw.socket.resetAndDestroy()
  assert.equal(house.bytes.inFlight, body.length)
  standIn.letGo()
  await until('the announced answer is counted', () => house.bytes.inFlight > body.length)
  await standIn.close()
  await house.atRest()
})

test('an answer that is given again counts like a new one', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t)))
  const { secret } = await house.key(await house.account(100))
  const fields = { prompt: `mode:ok:${24 * mebibyte}` }
  const again = { headers: { 'idempotency-key': 'the-same' } }
  assert.equal((await house.client.call(secret, fields, again)).status, 200)
  const deaf = await dial(t, house.origin, { reading: false })
  const { whole, body } = rawCall(secret, again.headers, { body: formOf(fields) })
  deaf.send(whole)
  await until('it is counted', () => house.bytes.inFlight === body.length + 24 * mebibyte)
  deaf.socket.resetAndDestroy()
  await house.atRest()
})

// These end by a time-out, and are many enough without waiting for it.
const slow = /^(never|hang|trickle|info-flood|slow|tls|endless-body)/

test('no fault of the upstream leaves a byte counted', async (t) => {
  const standIn = await opened(t)
  const times = { UPSTREAM_CONNECT_TIMEOUT_MS: '500', UPSTREAM_HEADERS_TIMEOUT_MS: '1000' }
  const house = await openTestHouse(t, behind(standIn, { ...times, UPSTREAM_BODY_TIMEOUT_MS: '1000' }))
  const { secret } = await house.key(await house.account(10_000))
  for (const mode of modeNames.filter((name) => !slow.test(name))) {
    await house.client.call(secret, { prompt: `mode:${mode}` })
    for (const { id } of (await house.admin('GET', '/tokens')).json()['data'] as { id: string }[]) {
      await house.admin('POST', `/tokens/${id}/resume`)
    }
  }
  await house.atRest()
})

/** Resident memory of a process and its peak so far, in bytes, as Linux tells them. */
function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1])
  return { now: field('VmRSS'), peak: field('VmHWM') }
}

test('of a hundred large uploads at once as many are taken as there is room for, and memory keeps to it', async (t) => {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(1000)
  const [room, size] = [32 * mebibyte, 4 * mebibyte]
  const limits = { BODY_LIMIT_BYTES: String(size), BYTES_IN_FLIGHT_LIMIT: String(room) }
  const house = await place.start(behind(standIn, limits))
  assert.equal((await house.client.call(secret, { prompt: 'to be warm' })).status, 200)
  const before = memoryOf(house.pid).now
  standIn.holdAnswers()
  const padding = 'x'.repeat(size - formOf({ prompt: 'x', padding: '' }).length)
  const { head, body } = rawCall(secret, expecting, { body: formOf({ prompt: 'x', padding }) })
  const callers = await Promise.all(Array.from({ length: 100 }, () => dial(t, house.origin)))
  const answered = new Set<number>()
  const replies = callers.map(async (raw, index) => {
    raw.send(head)
    return raw.reply().finally(() => answered.add(index))
  })
  await until('each is asked for its body or refused', () =>
    callers.every(({ interim }, index) => interim > 0 || answered.has(index)),
  )
  for (const raw of callers) if (raw.interim > 0) raw.send(body)
  await standIn.waitFor(1 + room / size)
  standIn.letGo()
  const statuses = (await Promise.all(replies)).map(({ status }) => status)
  assert.deepEqual(
    [statuses.filter((status) => status === 200).length, statuses.filter((s) => s === 503).length],
    [8, 92],
  )
  // The collector is never at once; without a limit it would be 400 MiB.
  const grown = memoryOf(house.pid).peak - before
  assert.ok(grown < room + 128 * mebibyte, `${Math.round(grown / mebibyte)} MiB more than before`)
})
