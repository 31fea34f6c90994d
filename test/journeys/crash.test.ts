import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, corePath, formOf, type Reply, usualBoundary } from '../support/client.ts'
import { behind } from '../support/house.ts'
import { type HouseProcess, openPlace, type Place } from '../support/process.ts'
import type { StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

const granted = 300
const price = 3
const form = formOf({ prompt: 'a lighthouse' })

/** A reply read to its end, or undefined when the connection broke. */
function attempt(client: Client, secret: string, prompt = 'a lighthouse', headers = {}): Promise<Reply | undefined> {
  return client.call(secret, { prompt }, { headers }).catch(() => undefined)
}

async function killed(house: HouseProcess): Promise<void> {
  house.kill('SIGKILL')
  assert.equal((await house.ended).signal, 'SIGKILL')
}

/** What must hold after any death: nothing held, every success charged once, and nothing else charged at all. */
async function squared(place: Place, house: HouseProcess, accountId: string) {
  const { balanced, open_holds: openHolds, faults } = await house.books()
  assert.deepEqual({ balanced, openHolds, faults }, { balanced: true, openHolds: 0, faults: [] })
  const calls = place.rows('SELECT * FROM calls ORDER BY id')
  const charges = place.rows(`SELECT call_id, credits FROM entries WHERE kind = 'charge'`)
  const settled = calls.filter(({ state }) => state === 'settled')
  const released = calls.filter(({ state }) => state === 'released')
  assert.equal(settled.length + released.length, calls.length)
  assert.deepEqual(
    charges.map(({ call_id, credits }) => `${call_id} ${credits}`).sort(),
    settled.map(({ id }) => `${id} ${-price * 1_000_000}`).sort(),
  )
  for (const { credits } of released) assert.equal(credits, 0)
  const [account] = place.rows('SELECT posted, held FROM accounts WHERE id = ?', accountId)
  assert.deepEqual({ ...account }, { posted: (granted - price * settled.length) * 1_000_000, held: 0 })
  return { settled, released }
}

async function ready(t: TestContext, standIn: StandIn | { origin: string }, env = {}) {
  const place = openPlace(t)
  const { accountId, secret } = await place.furnish(granted)
  const settings = behind(standIn, env)
  const house = await place.start(settings)
  return { place, accountId, secret, house, restart: () => place.start(settings) }
}

/** A paid call by hand, of which only so many body bytes are sent. */
function begun(house: HouseProcess, secret: string, bytes = form.length, ...headers: string[]): Socket {
  const socket = connect(Number(new URL(house.origin).port), '127.0.0.1')
  const head = [
    `POST ${corePath} HTTP/1.1`,
    ...['host: here', `authorization: Bearer ${secret}`, `content-length: ${form.length}`],
    `content-type: multipart/form-data; boundary=${usualBoundary}`,
    ...headers,
  ]
  socket.on('error', () => {})
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(form.subarray(0, bytes))
  return socket
}

test('a process that dies before the hold leaves no trace of the call', async (t) => {
  const standIn = await opened(t)
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  begun(house, secret, form.length / 2)
  assert.equal((await house.client.send('GET', '/health', {})).status, 200)
  await killed(house)
  assert.deepEqual(await squared(place, await restart(), accountId), { settled: [], released: [] })
  assert.equal(standIn.calls.length, 0)
})

test('a process that dies between hold and dispatch gives the credits back', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => silent.close())
  const { port } = silent.address() as AddressInfo
  // The handshake is never answered, so not a byte of the parcel can be sent.
  const { place, accountId, secret, house, restart } = await ready(t, { origin: `https://127.0.0.1:${port}` })
  const reply = attempt(house.client, secret)
  await once(silent, 'connection')
  assert.deepEqual(
    place.rows('SELECT state, held FROM calls').map((row) => ({ ...row })),
    [{ state: 'held', held: price * 1_000_000 }],
  )
  await killed(house)
  assert.equal(await reply, undefined)
  const { settled, released } = await squared(place, await restart(), accountId)
  assert.equal(settled.length, 0)
  assert.deepEqual(
    released.map(({ outcome, upstream_may_bill: mayBill }) => ({ outcome, mayBill })),
    [{ outcome: 'recovered', mayBill: 1 }],
  )
})

test('a process that dies while the upstream works gives the credits back and tells of it', async (t) => {
  const standIn = await opened(t)
  standIn.holdAnswers()
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  const replies = Array.from({ length: 5 }, () => attempt(house.client, secret))
  await standIn.waitFor(5)
  await killed(house)
  assert.deepEqual(await Promise.all(replies), Array(5).fill(undefined))
  const again = await restart()
  const { settled, released } = await squared(place, again, accountId)
  assert.equal(settled.length, 0)
  assert.deepEqual(
    released.map(({ outcome }) => outcome),
    Array(5).fill('recovered'),
  )
  assert.ok(again.lines().some(({ reason, holds }) => reason === 'recovered_release' && holds === 5))
})

test('a process that dies with the answer in hand and the settle not written charges nobody', async (t) => {
  const standIn = await opened(t)
  standIn.holdAnswers()
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  const socket = begun(house, secret)
  let heard = 0
  socket.on('data', ({ length }: Buffer) => {
    heard += length
  })
  await standIn.waitFor(1)
  const before = place.rows('SELECT id FROM calls')
  // Another writer keeps the settle waiting for as long as this test wants.
  const blocker = new DatabaseSync(place.database)
  blocker.exec('BEGIN IMMEDIATE')
  standIn.letGo()
  while (!standIn.calls[0]?.generated) await sleep(1)
  await sleep(150)
  await killed(house)
  blocker.exec('ROLLBACK')
  blocker.close()
  const { settled, released } = await squared(place, await restart(), accountId)
  assert.equal(settled.length, 0)
  assert.deepEqual(
    released.map(({ id, outcome }) => ({ id, outcome })),
    [{ id: before[0]?.['id'], outcome: 'recovered' }],
  )
  assert.equal(heard, 0)
})

test('wherever death falls around the settle, whoever has a whole picture paid for it once', async (t) => {
  const standIn = await opened(t)
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  let whole = 0
  let sent = 0
  let running = house
  for (const delayMs of [0, 1, 2, 3, 4, 6, 8, 12]) {
    standIn.holdAnswers()
    const replies = Array.from({ length: 6 }, () => attempt(running.client, secret))
    sent += replies.length
    await standIn.waitFor(sent)
    standIn.letGo()
    if (delayMs > 0) await sleep(delayMs)
    await killed(running)
    whole += (await Promise.all(replies)).filter((reply) => reply?.status === 200).length
    running = await restart()
    const { settled } = await squared(place, running, accountId)
    assert.ok(whole <= settled.length, `${whole} whole pictures, ${settled.length} charges`)
    assert.ok(settled.length <= standIn.calls.filter(({ generated }) => generated).length)
  }
  assert.equal(place.rows('SELECT id FROM calls').length, sent)
})

test('a process that dies after the settle keeps the charge of the picture it delivered', async (t) => {
  const standIn = await opened(t)
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  const reply = await attempt(house.client, secret)
  await killed(house)
  assert.equal(reply?.headers['x-credits-charged'], '3')
  const { settled, released } = await squared(place, await restart(), accountId)
  assert.deepEqual(
    settled.map(({ id, outcome }) => ({ id, outcome })),
    [{ id: reply?.headers['x-request-id'], outcome: 'succeeded' }],
  )
  assert.equal(released.length, 0)
})

test('a process that dies mid-delivery had written the charge before the first byte', async (t) => {
  const standIn = await opened(t)
  standIn.mode('ok:20000000')
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  const socket = begun(house, secret)
  const [first] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  await killed(house)
  const id = /x-request-id: (\S+)/.exec(first.toString('latin1'))?.[1]
  const { settled, released } = await squared(place, await restart(), accountId)
  assert.deepEqual([settled.map((row) => row['id']), released], [[id], []])
})

test('a call with an Idempotency-Key that was charged and half delivered is delivered whole after the crash', async (t) => {
  const standIn = await opened(t)
  standIn.mode('ok:20000000')
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  const socket = begun(house, secret, form.length, 'idempotency-key: once')
  await once(socket, 'data')
  socket.pause()
  await killed(house)
  const again = await restart()
  const second = await attempt(again.client, secret, 'a lighthouse', { 'idempotency-key': 'once' })
  assert.deepEqual([second?.status, second?.headers['idempotent-replayed']], [200, 'true'])
  assert.ok((second?.body.length ?? 0) >= 20_000_000)
  const { settled, released } = await squared(place, again, accountId)
  assert.deepEqual([settled.map(({ id }) => id), released], [[second?.headers['x-request-id']], []])
  assert.equal(standIn.calls.length, 1)
})

test('a restart that dies in its recovery leaves the rest to the next one', async (t) => {
  const standIn = await opened(t)
  standIn.holdAnswers()
  const { place, accountId, secret, house, restart } = await ready(t, standIn)
  for (let count = 0; count < 30; count++) void attempt(house.client, secret)
  await standIn.waitFor(30)
  await killed(house)
  const held = () => place.rows(`SELECT id FROM calls WHERE state = 'held'`).length
  for (let round = 0; round < 2; round++) {
    const before = held()
    const doomed = place.begin({ env: behind(standIn) })
    while (before > 0 && held() === before) await sleep(1)
    doomed.kill('SIGKILL')
    await doomed.ended
  }
  const { settled, released } = await squared(place, await restart(), accountId)
  assert.deepEqual([settled.length, released.length], [0, 30])
})
