import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWaitingRoom } from '../src/waiting-room.ts'
import { always } from './support/always.ts'
import { closedPort } from './support/stand-in.ts'

test('while the database is waited for the process is healthy, nothing is ready and no call is taken', async (t) => {
  const port = await closedPort()
  const room = await openWaitingRoom('127.0.0.1', port)
  t.after(() => room.close())
  for (const [path, status, type, told] of [
    ['/health', 200, 'application/json; charset=utf-8', 'ok'],
    ['/ready', 503, 'application/json; charset=utf-8', 'not_ready'],
    ['/sd/v2beta/stable-image/generate/core', 503, 'application/problem+json; charset=utf-8', 503],
  ] as const) {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`)
    assert.equal(reply.status, status, path)
    assert.equal(reply.headers.get('content-type'), type, path)
    assert.equal(reply.headers.get('retry-after'), status === 503 ? '1' : null, path)
    for (const [header, value] of Object.entries(always)) assert.equal(reply.headers.get(header), value, path)
    assert.equal(((await reply.json()) as { status: unknown }).status, told, path)
  }
})
