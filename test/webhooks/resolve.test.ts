import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { type TestContext, test } from 'node:test'
import { openResolver } from '../../src/webhooks/resolve.ts'

const [typeA, typeAaaa] = [1, 28]

/** A name server on loopback (RFC 1035) that knows one IPv4 address of each name; undefined never answers. */
async function nameServer(t: TestContext, code: number | undefined, address = [192, 0, 2, 7]) {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (message, { port }) => {
    const end = message.indexOf(0, 12) + 5
    asked.push(message.toString('latin1', 13, end - 5).replaceAll(/\p{Cc}/gu, '.'))
    if (code === undefined) return
    const type = message.readUInt16BE(end - 4)
    const hasAnswer = code === 0 && type === typeA
    const head = Buffer.from([...message.subarray(0, 2), 0x81, 0x80 | code, 0, 1, 0, hasAnswer ? 1 : 0, 0, 0, 0, 0])
    const answer = Buffer.from([0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, ...address])
    assert.ok(type === typeA || type === typeAaaa)
    socket.send(Buffer.concat([head, message.subarray(12, end), ...(hasAnswer ? [answer] : [])]), port, '127.0.0.1')
  })
  await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', bound))
  t.after(() => socket.close())
  return { servers: [`127.0.0.1:${socket.address().port}`], asked }
}

test('a name of the internet is asked of the name server, and every address is told', async (t) => {
  const { servers, asked } = await nameServer(t, 0)
  const found = await openResolver({ servers })('hooks.example.test')
  assert.deepEqual(found, [{ address: '192.0.2.7', family: 4 }])
  assert.ok(asked.every((name) => name === 'hooks.example.test'))
})

test('a name server that never answers, or cannot, is left in time, and the system is not asked instead', async (t) => {
  const silent = await nameServer(t, undefined)
  await assert.rejects(openResolver({ servers: silent.servers, timeoutMs: 50 })('hooks.example.test'), {
    code: 'ETIMEOUT',
  })
  const failing = await nameServer(t, 2)
  await assert.rejects(openResolver({ servers: failing.servers })('hooks.example.test'), { code: 'ESERVFAIL' })
})

test('names that only the system can know are asked of the system', async (t) => {
  const { servers, asked } = await nameServer(t, 3)
  const [address] = await openResolver({ servers })('localhost')
  assert.ok(address?.address === '127.0.0.1' || address?.address === '::1')
  assert.deepEqual(asked, [])
  // Nobody knows this one; the error is the system's own.
  await assert.rejects(openResolver({ servers })('nobody.invalid'), { syscall: 'getaddrinfo' })
  assert.ok(asked.length > 0)
})
