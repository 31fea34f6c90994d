import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mintKey } from '../../src/keys/key.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { dial, rawCall, until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

test('a caller with a bad key who hangs up while it is looked up leaves the house standing', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(30))
  const restricted = await house.key(await house.account(30), { allowIps: ['192.0.2.0/24'] })
  for (const bad of [...Array.from({ length: 40 }, () => mintKey('live')), restricted.secret]) {
    const socket = connect(Number(new URL(house.origin).port), '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(rawCall(bad).head, () => socket.resetAndDestroy())
  }
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  assert.equal(standIn.calls.length, 1)
  assert.deepEqual(
    house.lines.filter(({ level }) => Number(level) >= 50),
    [],
  )
  await house.atRest()
})

test('a refusal is not reset under a caller who is still sending and asked for the connection to be closed', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { head, body } = rawCall(mintKey('live'), { connection: 'close' })
  const { socket, send } = await dial(t, house.origin, { reading: false })
  const errors: Error[] = []
  socket.on('error', (error) => errors.push(error))
  send(head)
  send(body.subarray(0, 20))
  // The refusal is out and waits to be read.
  await until('the call is refused', () => house.lines.some(({ msg }) => msg === 'call'))
  await sleep(100)
  for (const piece of [body.subarray(20, 40), body.subarray(40)]) {
    send(piece)
    await sleep(100)
  }
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes
  })
  await until('the reply is there, or lost', () => heard !== '' || socket.closed)
  assert.match(heard, /^HTTP\/1\.1 401 /)
  socket.end()
  await until('the connection is over', () => socket.closed)
  assert.deepEqual(errors, [])
})
