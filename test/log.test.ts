import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLog } from '../src/log.ts'

/** What the log wrote of one line. */
function written(fields: object, terminal = false): string {
  const lines: string[] = []
  openLog('trace', terminal, { write: (line) => void lines.push(line) }).warn(fields, 'a line')
  return lines.join('')
}

const names = [
  'authorization',
  'x-api-key',
  'cookie',
  'set-cookie',
  'secret',
  'token',
  'password',
  'prompt',
  'value',
  'body',
]

for (const name of names) {
  test(`a field called ${name} is never logged, wherever it stands`, () => {
    for (const fields of [{ [name]: 'CANARY' }, { a: { [name]: 'CANARY' } }, { a: { b: { [name]: 'CANARY' } } }]) {
      for (const terminal of [false, true]) {
        const text = written(fields, terminal)
        assert.doesNotMatch(text, /CANARY/)
        assert.match(text, /never logged/)
      }
    }
  })
}

test('of an error only its class, code, message and stack are written, and of its cause the same', () => {
  const cause = Object.assign(new TypeError('the cause'), { socket: { secret: 'CANARY-1' } })
  const error = Object.assign(new RangeError('the error', { cause }), {
    code: 'ECONNRESET',
    request: { headers: { 'x-other': 'CANARY-2' } },
    body: 'CANARY-3',
  })
  const text = written({ err: error })
  assert.doesNotMatch(text, /CANARY/)
  const { err } = JSON.parse(text) as { err: Record<string, unknown> & { cause: Record<string, unknown> } }
  assert.deepEqual(Object.keys(err).sort(), ['cause', 'code', 'message', 'stack', 'type'])
  assert.deepEqual([err['type'], err['code'], err['message']], ['RangeError', 'ECONNRESET', 'the error'])
  assert.deepEqual(Object.keys(err.cause).sort(), ['message', 'stack', 'type'])
})

test('what was thrown and is no error is written as text, and an odd code is not', () => {
  assert.deepEqual((JSON.parse(written({ err: 'a text' })) as { err: unknown }).err, { message: 'a text' })
  const odd = Object.assign(new Error('odd'), { code: 'not a code: CANARY' })
  assert.doesNotMatch(written({ err: odd }), /CANARY/)
})

test('lines are JSON elsewhere and readable on a terminal', () => {
  assert.deepEqual((JSON.parse(written({ call: 'call_1' })) as { call: unknown }).call, 'call_1')
  assert.match(written({ call: 'call_1' }, true), /WARN.*a line/)
})

test('a level below the chosen one is not written', () => {
  const lines: string[] = []
  const log = openLog('error', false, { write: (line) => void lines.push(line) })
  log.warn('quiet')
  log.error('loud')
  assert.deepEqual(lines.join('').match(/quiet|loud/g), ['loud'])
})
