import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Pool } from 'undici'
import { type Answer, AnswerReader, DeadlinePassed } from '../../src/upstream/answer.ts'
import type { StandIn } from '../support/stand-in.ts'
import { form, opened, pooled } from '../support/stand-in-client.ts'

const limitBytes = 10_000

/** One exchange; `meddle` may act on the reader once the request is under way. */
function read(pool: Pool, prompt: string, meddle: (reader: AnswerReader) => void = () => {}): Promise<Answer> {
  const headers = ['content-type', 'multipart/form-data; boundary=a-boundary', 'accept', 'image/*']
  return new Promise((resolve) => {
    const reader = new AnswerReader(limitBytes, () => {}, resolve)
    pool.dispatch({ method: 'POST', path: '/v2beta/core', headers, body: form({ prompt }) }, reader)
    meddle(reader)
  })
}

async function parties(t: TestContext): Promise<{ standIn: StandIn; pool: Pool }> {
  const standIn = await opened(t)
  return { standIn, pool: pooled(t, standIn.origin) }
}

test('an answer of exactly the limit is whole, and one byte more is not', async (t) => {
  const { pool } = await parties(t)
  const whole = await read(pool, `mode:ok:${limitBytes}`)
  assert.deepEqual([whole.kind, whole.body.length], ['whole', limitBytes])
  const larger = await read(pool, `mode:ok:${limitBytes + 1}`)
  assert.deepEqual([larger.kind, larger.reason, larger.body.length], ['cut', 'upstream_too_large', 0])
})

test('an answer in chunks is bounded as it is read', async (t) => {
  const { pool } = await parties(t)
  const { kind, reason } = await read(pool, 'mode:endless-body')
  assert.deepEqual([kind, reason], ['cut', 'upstream_too_large'])
  const chunked = await read(pool, 'mode:chunked')
  assert.deepEqual([chunked.kind, chunked.body.length], ['whole', 2000])
})

test('of an error no more than its first words are kept', async (t) => {
  const { pool } = await parties(t)
  const { kind, status, body } = await read(pool, 'mode:error-huge')
  assert.deepEqual([kind, status], ['cut', 500])
  assert.ok(body.length <= 64 * 1024)
})

test('an exchange ended before its connection stands is never sent', async (t) => {
  const { standIn, pool } = await parties(t)
  const answer = await read(pool, 'a lighthouse', (reader) => reader.abort(new DeadlinePassed()))
  assert.deepEqual([answer.kind, answer.reason, answer.status], ['unreached', 'upstream_deadline', 0])
  // By now the connection stands, and the next request is the first that uses it.
  assert.equal((await read(pool, 'the next one')).kind, 'whole')
  assert.deepEqual(
    standIn.calls.map(({ prompt }) => prompt),
    ['the next one'],
  )
})

test('an exchange ended after the request went out says so, once', async (t) => {
  const { standIn, pool } = await parties(t)
  const answer = await read(pool, 'mode:never', async (reader) => {
    await standIn.waitFor(1)
    reader.abort(new DeadlinePassed())
    reader.abort(new Error('too late to matter'))
  })
  assert.deepEqual([answer.kind, answer.reason], ['silent', 'upstream_deadline'])
  assert.equal((await read(pool, 'the next one')).kind, 'whole')
})

test('what is said before the answer is not the answer', async (t) => {
  const { pool } = await parties(t)
  const answer = await read(pool, 'mode:info-103')
  assert.deepEqual([answer.kind, answer.status, answer.head?.type], ['whole', 200, 'image/png'])
})
