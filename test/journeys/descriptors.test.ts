import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Environment } from '../../src/config.ts'
import { formOf } from '../support/client.ts'
import { gather } from '../support/crowd.ts'
import { behind } from '../support/house.ts'
import { checkout, openPlace, type Place, type Running } from '../support/process.ts'
import { dial, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

/** Takes every descriptor there is at SIGUSR2, and gives them back at the next one. */
const greed = `
  import { closeSync, openSync, writeSync } from 'node:fs'
  const taken = []
  process.on('SIGUSR2', () => {
    if (taken.length > 0) for (const each of taken.splice(0)) closeSync(each)
    else try { for (;;) taken.push(openSync('/dev/null')) } catch {}
    writeSync(2, taken.length > 0 ? 'none left' : 'all back')
  })`

/** A house that may have so many descriptors. */
async function startPoor(place: Place, descriptors: number, env: Environment): Promise<Running & { origin: string }> {
  const node = [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(greed)}`]
  const command = [
    'sh',
    '-c',
    `ulimit -n ${descriptors}; exec "$@"`,
    'sh',
    ...node,
    `${checkout}src/server.ts`,
  ] as const
  const house = place.begin({ command, env })
  const [, origin = ''] = await house.until(/"address":"([^"]+)","msg":"listening"/)
  return { ...house, origin }
}

// Each call needs a connection of its own to the upstream.
const lonely = { body: formOf({ prompt: 'mode:connection-close' }) }

async function ready(t: TestContext, descriptors: number) {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300)
  const house = await startPoor(place, descriptors, behind(standIn))
  return { standIn, place, house, wire: rawCall(secret, {}, lonely).whole }
}

test('a house without a free descriptor refuses, lives, and serves again once there are some', async (t) => {
  const { place, house, wire } = await ready(t, 400)
  const known = await dial(t, house.origin)
  known.send(wire)
  assert.equal((await known.reply()).status, 200)
  house.kill('SIGUSR2')
  await until('it has none left', () => house.stderr().endsWith('none left'))
  for (let count = 0; count < 3; count++) {
    const stranger = await dial(t, house.origin)
    stranger.send(wire)
    assert.equal(await stranger.closed, '', 'a new caller is closed, not kept waiting')
    known.send(wire)
    const reply = await known.reply()
    assert.deepEqual([reply.status, reply.json()['name']], [503, 'busy'])
    assert.match(reply.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  }
  house.kill('SIGUSR2')
  await until('they are back', () => house.stderr().endsWith('all back'))
  for (const raw of [known, await dial(t, house.origin)]) {
    raw.send(wire)
    assert.equal((await raw.reply()).status, 200)
  }
  const [{ state, count } = {}] = place.rows(
    `SELECT state, count(*) AS count FROM calls WHERE reason = 'no_descriptors'`,
  )
  assert.deepEqual([state, count], ['released', 3])
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})

test('more callers than there can be are closed as they come, those who are there are served, and the log says so once', async (t) => {
  const { house, wire } = await ready(t, 300)
  const known = await dial(t, house.origin)
  known.send(wire)
  assert.equal((await known.reply()).status, 200)
  const idle = await gather(Number(new URL(house.origin).port), 200, (socket) => socket.resume())
  t.after(() => idle.close())
  // Half of what is left beside the house's own is for the upstream.
  const most = (300 - 128) / 2
  await until('the others are closed', () => idle.left() === most - 1)
  for (let count = 0; count < 5; count++) {
    known.send(wire)
    assert.equal((await known.reply()).status, 200)
  }
  const told = house.lines().filter(({ reason }) => reason === 'connections_refused')
  assert.deepEqual(
    told.map((line) => [line['level'], line['most']]),
    [[40, most]],
  )
  idle.close()
  await until('there is room for others', async () => {
    const later = await dial(t, house.origin)
    later.send(wire)
    const reply = await later.reply().catch(() => undefined)
    return reply?.status === 200
  })
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
})
