import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../src/config.ts'
import { corePath, formOf, usualBoundary } from '../support/client.ts'
import { gather, slowBody, slowHead } from '../support/crowd.ts'
import { behind } from '../support/house.ts'
import { checkout, type HouseProcess, machinePath, openPlace } from '../support/process.ts'
import { closedPort } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

async function ready(t: TestContext, env: Environment = {}) {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300)
  const house = await place.start(behind(standIn, env))
  return { standIn, place, secret, house, restart: () => place.start(behind(standIn)) }
}

const closing = /closing: no new paid calls/

/** New calls are refused in one of the two ways a closing house has. */
async function takesNoMore(house: HouseProcess, secret: string): Promise<void> {
  const reply = await house.client.call(secret, { prompt: 'too late' }).catch(() => undefined)
  if (!reply) return
  assert.deepEqual([reply.status, reply.json()['name']], [503, 'shutting_down'])
  assert.ok(Number(reply.headers['retry-after']) >= 1)
}

test('twenty calls in flight at SIGTERM all end well, new ones are refused, and it exits 0', async (t) => {
  const { standIn, place, secret, house, restart } = await ready(t)
  standIn.mode('slow-headers:1500')
  const replies = Array.from({ length: 20 }, () => house.client.call(secret, { prompt: 'a lighthouse' }))
  await standIn.waitFor(20)
  house.kill('SIGTERM')
  await house.until(closing)
  const ready503 = await house.client.send('GET', '/ready', {})
  assert.deepEqual([ready503.status, ready503.json()['reason']], [503, 'shutting_down'])
  await takesNoMore(house, secret)
  for (const { status, headers } of await Promise.all(replies)) {
    assert.deepEqual([status, headers['x-credits-charged']], [200, '3'])
  }
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal(house.lines().filter(({ msg }) => msg === 'call').length >= 20, true)
  assert.equal(standIn.calls.length, 20)
  assert.equal(place.rows(`SELECT id FROM calls WHERE state = 'settled'`).length, 20)
  const books = await (await restart()).books()
  assert.deepEqual([books['balanced'], books['open_holds']], [true, 0])
})

test('a body that is still coming in at SIGTERM is served', async (t) => {
  const { place, secret, house } = await ready(t)
  const form = formOf({ prompt: 'a lighthouse' })
  const socket = connect(Number(new URL(house.origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  const head = [
    `POST ${corePath} HTTP/1.1`,
    ...['host: here', `authorization: Bearer ${secret}`, `content-length: ${form.length}`, 'connection: close'],
    `content-type: multipart/form-data; boundary=${usualBoundary}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(form.subarray(0, 10))
  assert.equal((await house.client.send('GET', '/health', {})).status, 200)
  house.kill('SIGTERM')
  await house.until(closing)
  socket.write(form.subarray(10))
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.match(first.toString('latin1'), /^HTTP\/1\.1 200 /)
  socket.resume()
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal(place.rows(`SELECT id FROM calls WHERE state = 'settled'`).length, 1)
})

test('calls longer than the grace are listed, left to recovery, and released by the next start', async (t) => {
  const { standIn, place, secret, house, restart } = await ready(t, { SHUTDOWN_GRACE_MS: '300' })
  standIn.mode('never')
  const replies = Array.from({ length: 3 }, () =>
    house.client.call(secret, { prompt: 'a lighthouse' }).catch(() => null),
  )
  await standIn.waitFor(3)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 1, signal: null })
  assert.deepEqual(await Promise.all(replies), [null, null, null])
  const held = place.rows(`SELECT id FROM calls WHERE state = 'held' ORDER BY id`).map(({ id }) => id)
  assert.equal(held.length, 3)
  const line = house.lines().find(({ msg }) => msg === 'calls were left to recovery')
  assert.deepEqual([...((line?.['calls'] ?? []) as string[])].sort(), held)
  const again = await restart()
  assert.deepEqual([(await again.books())['balanced'], (await again.books())['open_holds']], [true, 0])
  assert.deepEqual(
    place.rows('SELECT outcome, credits FROM calls').map((row) => ({ ...row })),
    Array(3).fill({ outcome: 'recovered', credits: 0 }),
  )
})

test('a reader who stands still cannot keep a house from closing', async (t) => {
  const { standIn, place, secret, house } = await ready(t, { SHUTDOWN_GRACE_MS: '500' })
  standIn.mode('ok:20000000')
  const form = formOf({ prompt: 'a lighthouse' })
  const socket = connect(Number(new URL(house.origin).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  const head = `POST ${corePath} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer ${secret}\r\ncontent-length: ${form.length}`
  socket.write(`${head}\r\ncontent-type: multipart/form-data; boundary=${usualBoundary}\r\n\r\n`)
  socket.write(form)
  await once(socket, 'data')
  socket.pause()
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal(place.rows(`SELECT id FROM calls WHERE state = 'settled'`).length, 1)
})

test('heads and bodies that never end cannot keep a house from closing', async (t) => {
  const { place, secret, house } = await ready(t, { REQUEST_TIMEOUT_MS: '1500' })
  const port = Number(new URL(house.origin).port)
  const crowds = [
    await gather(port, 3, slowHead(50)),
    await gather(port, 3, slowBody(secret, 1000, 50)),
    await gather(port, 3, (socket) => socket.resume()),
  ]
  assert.equal((await house.client.send('GET', '/health', {})).status, 200)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  await Promise.all(crowds.map(({ gone }) => gone))
  assert.equal(house.lines().filter(({ reason }) => reason === 'client_slow_upload').length, 3)
  assert.deepEqual(place.rows('SELECT id FROM calls'), [])
})

test('the same signal within a second counts once', async (t) => {
  const { standIn, secret, house } = await ready(t)
  standIn.holdAnswers()
  const reply = house.client.call(secret, { prompt: 'a lighthouse' })
  await standIn.waitFor(1)
  house.kill('SIGINT')
  house.kill('SIGINT')
  await house.until(closing)
  house.kill('SIGTERM')
  assert.equal((await house.client.send('GET', '/health', {})).status, 200)
  standIn.letGo()
  assert.equal((await reply).status, 200)
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal(house.lines().filter(({ msg }) => closing.test(String(msg))).length, 1)
})

test('a later second signal ends at once and leaves the calls to recovery', async (t) => {
  const { standIn, place, secret, house } = await ready(t)
  standIn.holdAnswers()
  const reply = house.client.call(secret, { prompt: 'a lighthouse' }).catch(() => undefined)
  await standIn.waitFor(1)
  house.kill('SIGINT')
  await house.until(closing)
  await sleep(1100)
  house.kill('SIGINT')
  assert.deepEqual(await house.ended, { code: 1, signal: null })
  assert.equal(await reply, undefined)
  assert.ok(house.lines().some(({ msg }) => String(msg).startsWith('ended at once by a second signal')))
  assert.equal(place.rows(`SELECT id FROM calls WHERE state = 'held'`).length, 1)
})

test('SIGHUP changes nothing', async (t) => {
  const { secret, house } = await ready(t)
  house.kill('SIGHUP')
  assert.equal((await house.client.call(secret, { prompt: 'a lighthouse' })).status, 200)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})

test('a signal during the start ends the house as soon as it is open', async (t) => {
  const place = openPlace(t)
  const house = place.begin()
  // The lock is the first thing a start makes, long before it listens.
  while (!existsSync(`${place.database}.lock`)) await sleep(1)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.match(house.stdout(), /"msg":"closed"/)
})

test('Ctrl-C through npm start ends cleanly', async (t) => {
  const place = openPlace(t)
  const env = { PATH: machinePath, npm_config_update_notifier: 'false' }
  const house = place.begin({ command: ['npm', 'start'], cwd: checkout, group: true, env })
  await house.until(/"msg":"listening"/)
  house.kill('SIGINT')
  await house.ended
  const messages = house.lines().map(({ msg }) => msg)
  assert.equal(messages.filter((msg) => closing.test(String(msg))).length, 1)
  assert.equal(messages.at(-1), 'closed')
  assert.doesNotMatch(house.stderr(), /npm error|^\s+at /m)
})

for (const how of ['throw error', 'Promise.reject(error)']) {
  test(`a bug of ours (${how}) ends with 70 and its fatal line is written`, async (t) => {
    const place = openPlace(t)
    const planted = `process.on('SIGUSR2', () => setImmediate(() => { const error = new Error('planted'); ${how} }))`
    const house = place.begin({ node: ['--import', `data:text/javascript,${encodeURIComponent(planted)}`] })
    await house.until(/"msg":"listening"/)
    house.kill('SIGUSR2')
    assert.deepEqual(await house.ended, { code: 70, signal: null })
    const last = house.lines().at(-1)
    assert.deepEqual([last?.['level'], last?.['msg']], [60, 'internal error'])
    assert.match(JSON.stringify(last?.['err']), /"message":"planted","stack":/)
  })
}

test('a reader of the log who left does not end the house', async (t) => {
  const { secret, house, standIn } = await ready(t)
  house.deafen()
  for (let count = 0; count < 5; count++) {
    assert.equal((await house.client.call(secret, { prompt: 'a lighthouse' })).status, 200)
  }
  assert.equal(standIn.calls.length, 5)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})

test('a full disk under the log neither ends the house nor keeps it from closing', async (t) => {
  const place = openPlace(t)
  const port = await closedPort()
  const command = `exec ${process.execPath} ${checkout}src/server.ts > /dev/full`
  const house = place.begin({ command: ['sh', '-c', command], env: { PORT: String(port) } })
  const health = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status,
      () => 0,
    )
  while ((await health()) !== 200) await sleep(20)
  assert.equal(await health(), 200)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})
