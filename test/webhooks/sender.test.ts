import assert from 'node:assert/strict'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import type { Resolve } from '../../src/webhooks/resolve.ts'
import { openSender } from '../../src/webhooks/sender.ts'
import { receiver, says } from '../support/receiver.ts'
import { certificate } from '../support/stand-in-certificates.ts'

const secret = `whsec_${Buffer.from('a secret of 32 bytes for testing').toString('base64')}`
const parcel = (url: string) => ({ id: 'msg_1', url, secret, body: '{"type":"webhook.test","data":{}}' })

/** Something on loopback that speaks no proper HTTP. */
async function oddity(t: TestContext, act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => act(socket))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return `http://127.0.0.1:${address.port}/`
}

test('a message arrives once with a signature that the library of the specification takes', async (t) => {
  const there = await receiver(t)
  const sender = openSender({ allowPrivate: true })
  assert.deepEqual(await sender.send(parcel(`${there.url}?a=b`)), { delivered: true, status: 204 })
  there.verified(secret)
  const [letter] = there.letters
  assert.equal(letter?.path, '/hooks?a=b')
  assert.equal(letter?.headers['webhook-id'], 'msg_1')
  assert.equal(letter?.headers['content-type'], 'application/json')
  assert.match(letter?.headers['webhook-signature'] ?? '', /^v1,[A-Za-z0-9+/]{43}=$/)
  assert.equal(there.letters.length, 1)
})

test('the status decides: 2xx arrived, 3xx is not followed, 410 is gone, anything else failed', async (t) => {
  const elsewhere = await receiver(t)
  const there = await receiver(t)
  const sender = openSender({ allowPrivate: true })
  for (const status of [200, 201, 202, 299]) {
    there.behave(says(status))
    assert.deepEqual(await sender.send(parcel(there.url)), { delivered: true, status })
  }
  for (const [status, failure] of [
    [301, 'redirect'],
    [302, 'redirect'],
    [303, 'redirect'],
    [307, 'redirect'],
    [308, 'redirect'],
    [400, 'status'],
    [404, 'status'],
    [410, 'gone'],
    [429, 'status'],
    [500, 'status'],
    [503, 'status'],
  ] as const) {
    there.behave(says(status, { location: elsewhere.url }))
    assert.deepEqual(await sender.send(parcel(there.url)), { delivered: false, status, failure })
  }
  assert.equal(elsewhere.letters.length, 0)
})

test('a receiver that hangs, before its head or in its body, is left in time', async (t) => {
  const there = await receiver(t, () => undefined)
  const sender = openSender({ allowPrivate: true, timeoutMs: 300 })
  assert.deepEqual(await sender.send(parcel(there.url)), { delivered: false, status: null, failure: 'timeout' })
  there.behave((response) => void response.writeHead(200).write('a beginning'))
  assert.deepEqual(await sender.send(parcel(there.url)), { delivered: true, status: 200 })
  there.behave((response) => void response.writeHead(500).write('a beginning'))
  assert.deepEqual(await sender.send(parcel(there.url)), { delivered: false, status: 500, failure: 'status' })
})

test('of an endless answer little is read, and its connection is closed', async (t) => {
  let written = 0
  let closed: Promise<void> | undefined
  const there = await receiver(t, (response) => {
    closed = new Promise((over) => response.once('close', over))
    response.writeHead(200)
    const pour = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16 * 1024))) written += 16 * 1024
      if (!response.destroyed) response.once('drain', pour)
    }
    pour()
  })
  const sender = openSender({ allowPrivate: true })
  assert.deepEqual(await sender.send(parcel(there.url)), { delivered: true, status: 200 })
  await closed
  assert.ok(written < 64 * 1024 * 1024, `${written} bytes`)
})

test('what breaks on the way has a word of its own', async (t) => {
  const sender = openSender({ allowPrivate: true, timeoutMs: 2000 })
  const failureAt = async (url: string) => {
    const sent = await sender.send(parcel(url))
    assert.ok(sent !== 'stopped' && !sent.delivered && sent.status === null)
    return sent.failure
  }
  assert.equal(await failureAt(await oddity(t, (socket) => void socket.resetAndDestroy())), 'reset')
  assert.equal(await failureAt(await oddity(t, (socket) => void socket.end())), 'reset')
  assert.equal(
    await failureAt(await oddity(t, (socket) => void socket.end('220 smtp.example.com ESMTP\r\n'))),
    'not_http',
  )
  const plain = await oddity(t, (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\n'))
  assert.equal(await failureAt(plain.replace('http:', 'https:')), 'tls')
  const heads = `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}\r\n`
  assert.equal(await failureAt(await oddity(t, (socket) => void socket.end(heads))), 'not_http')
  assert.equal(await failureAt('http://127.0.0.1:1/'), 'refused')
})

test('a name that stands for a private address, alone or among public ones, is never connected to', async (t) => {
  const there = await receiver(t)
  const port = new URL(there.url).port
  for (const found of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::ffff:127.0.0.1'], ['::1'], ['169.254.169.254']]) {
    const resolve: Resolve = async () => found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    const sender = openSender({ allowPrivate: false, resolve })
    const sent = await sender.send(parcel(`https://receiver.example:${port}/`))
    assert.deepEqual(sent, { delivered: false, status: null, failure: 'private_address' }, found.join())
  }
  const sender = openSender({ allowPrivate: false })
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:7f00:1]', 'localhost', '0x7f.1']) {
    const sent = await sender.send(parcel(`https://${host}:${port}/`))
    assert.deepEqual(sent, { delivered: false, status: null, failure: 'private_address' }, host)
  }
  // Made while private addresses were allowed.
  assert.deepEqual(await sender.send(parcel(there.url)), { delivered: false, status: null, failure: 'private_address' })
  assert.equal(there.letters.length, 0)
})

test('the connection goes to the address that was checked, however the name answers afterwards', async (t) => {
  const there = await receiver(t)
  const asked: string[] = []
  // In the first answer the only address that is right, in every later one an address where nobody is.
  const resolve: Resolve = async (host) => {
    asked.push(host)
    return [{ address: asked.length === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 }]
  }
  const sender = openSender({ allowPrivate: true, resolve })
  const url = there.url.replace('127.0.0.1', 'rebinding.example')
  assert.deepEqual(await sender.send(parcel(url)), { delivered: true, status: 204 })
  assert.deepEqual(asked, ['rebinding.example'])
  assert.equal(there.letters[0]?.headers['host'], new URL(url).host)
})

test('a name that nobody knows, or whose look-up never ends, is a failure in time', async () => {
  const failureOf = async (resolve: Resolve) => {
    const sent = await openSender({ allowPrivate: true, timeoutMs: 200, resolve }).send(parcel('https://who.example/'))
    return sent === 'stopped' || sent.delivered ? undefined : sent.failure
  }
  const nobody = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }))
  assert.equal(await failureOf(nobody), 'unresolved')
  assert.equal(await failureOf(async () => []), 'unresolved')
  assert.equal(await failureOf(() => new Promise(() => undefined)), 'timeout')
})

test('what is being sent when the house closes has neither arrived nor failed', async (t) => {
  const there = await receiver(t, () => undefined)
  const sender = openSender({ allowPrivate: true })
  const sent = sender.send(parcel(there.url))
  await there.waitFor(1)
  sender.close()
  assert.equal(await sent, 'stopped')
  assert.equal(await sender.send(parcel(there.url)), 'stopped')
})

test('a name of this machine alone is found by the resolver of the house itself', async (t) => {
  const there = await receiver(t)
  const sender = openSender({ allowPrivate: true })
  const url = there.url.replace('127.0.0.1', 'localhost')
  assert.deepEqual(await sender.send(parcel(url)), { delivered: true, status: 204 })
})

test('over TLS the certificate must be good for the name, and then the message arrives', async (t) => {
  const { ca, cert, key } = certificate('good')
  const paths: string[] = []
  const server = createTlsServer({ cert, key }, (request, response) => {
    paths.push(`${request.headers.host} ${request.url}`)
    response.writeHead(204).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => void server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }]
  const sendTo = (host: string) =>
    openSender({ allowPrivate: true, resolve }).send(parcel(`https://${host}:${address.port}/hooks`))
  const refused = { delivered: false, status: null, failure: 'tls' }
  assert.deepEqual(await sendTo('localhost'), refused)
  const usual = getCACertificates('default')
  setDefaultCACertificates([...usual, ca])
  t.after(() => setDefaultCACertificates(usual))
  assert.deepEqual(await sendTo('localhost'), { delivered: true, status: 204 })
  assert.deepEqual(await sendTo('another.example'), refused)
  assert.deepEqual(paths, [`localhost:${address.port} /hooks`])
})
