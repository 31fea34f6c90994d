import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Problem, type ProblemName, problemOf, StoreUnavailable } from '../src/errors.ts'

/** The codes as they stand in the source, so that a new one cannot be forgotten here. */
const table = readFileSync(new URL('../src/errors.ts', import.meta.url), 'utf8').split('} as const satisfies')[0] ?? ''
const names = [...table.matchAll(/^ {2}(\w+): \[/gm)].map((match) => match[1] as ProblemName)

test('every problem has an error status and a sentence of its own', () => {
  assert.ok(names.length >= 30, String(names.length))
  const sentences = names.map((name) => {
    const problem = new Problem(name)
    assert.ok(problem.status >= 400 && problem.status <= 504, name)
    assert.match(problem.message, /^[A-Z].*[.]$|tg_\w+_\.\.\.$/, name)
    assert.deepEqual(problem.errors, [problem.message])
    assert.equal(problem.slug, name)
    return problem.message
  })
  assert.equal(new Set(sentences).size, sentences.length)
})

test('every 429 and 503 says when to come back: whole seconds, at least 1', () => {
  const waiting = names.filter((name) => [429, 503].includes(new Problem(name).status))
  assert.ok(waiting.includes('rate_limited') && waiting.includes('shutting_down'))
  for (const name of waiting) {
    for (const [given, told] of [
      [undefined, 1],
      [0, 1],
      [-5, 1],
      [0.2, 1],
      [1.2, 2],
      [60, 60],
    ] as const) {
      assert.equal(new Problem(name, { retryAfterSeconds: given }).retryAfterSeconds, told, `${name} ${given}`)
    }
  }
})

test('a refusal that waiting cannot help promises nothing', () => {
  assert.equal(new Problem('quota_exceeded', { status: 403 }).retryAfterSeconds, undefined)
  assert.equal(new Problem('insufficient_credits').retryAfterSeconds, undefined)
})

test('an error that is none of ours is told as a 500 without its words', () => {
  const problem = problemOf(new Error('CANARY from inside'))
  assert.deepEqual([problem.code, problem.status], ['internal_error', 500])
  assert.doesNotMatch(JSON.stringify([problem.message, problem.errors, problem.details]), /CANARY/)
  assert.ok(problem.cause instanceof Error)
})

test('a database that cannot be written is told as 503', () => {
  const { code, retryAfterSeconds } = problemOf(new StoreUnavailable('full'))
  assert.deepEqual([code, retryAfterSeconds], ['ledger_unavailable', 1])
})

test('a problem stays the same problem', () => {
  const problem = new Problem('conflict')
  assert.equal(problemOf(problem), problem)
})

test('what Fastify refuses keeps its meaning', () => {
  const refused = (statusCode: number) => problemOf(Object.assign(new Error('CANARY'), { statusCode }))
  assert.deepEqual(
    [413, 415, 400, 404, 500].map((status) => refused(status).code),
    ['payload_too_large', 'unsupported_media_type', 'bad_request', 'bad_request', 'internal_error'],
  )
  assert.doesNotMatch(refused(400).message, /CANARY/)
})
