import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { openTokens } from '../../src/upstream/tokens.ts'

const one = 'sk-one-7f3a9c2e5b8d1406'
const two = 'sk-two-0a1b2c3d4e5f6071'
const of = (...secrets: string[]) => openTokens(secrets.map((value) => ({ value, weight: 1 })))
const both = () => of(one, two)

test('a token signs a request and shows its last four characters', () => {
  const [token] = of(one).all
  assert.deepEqual(token?.sign(['accept', 'image/*']), ['accept', 'image/*', 'authorization', `Bearer ${one}`])
  assert.equal(token?.hint, '1406')
  assert.match(token?.id ?? '', /^tok_[0-9a-f]{20}$/)
  assert.ok(!inspect(both().all, { depth: 9 }).includes(one))
})

test('a token keeps its id when the list is reordered', () => {
  const ids = (...secrets: string[]) => of(...secrets).all.map(({ id }) => id)
  assert.deepEqual(ids(one, two), ids(two, one).reverse())
})

test('a text is told without tokens, whole, partly masked or split by what cannot be seen', () => {
  const { cleanse } = both()
  const half = `${one.slice(0, 8)}\u200b${one.slice(8)}`
  for (const text of [
    one,
    two,
    `Bearer ${one}`,
    `"${one}"`,
    half,
    'sk-CA****9c0d',
    'tg_live_0123456789abcdef',
    'a1'.repeat(20),
  ]) {
    const clean = cleanse(`the key ${text} is odd`)
    assert.ok(clean.includes('[removed]'), clean)
    assert.ok(!/sk-|7f3a|9c0d|0a1b|tg_|a1a1/.test(clean), clean)
  }
})

test('plain words are told as they are, on one line', () => {
  const { cleanse } = both()
  for (const text of ['prompt: cannot be blank', 'seed: must be from 0 to 4294967294', 'Нет', 'only 10 MiB, please']) {
    assert.equal(cleanse(text), text)
  }
  assert.equal(cleanse('a\r\nb\u0000c\u001b[31m\u2028d\u202ee'), 'a  b c [31m de')
})

test('a header that repeats a token is named', () => {
  const { echoes } = both()
  assert.deepEqual(echoes({ 'x-a': `Bearer ${two}`, 'x-b': ['no', one], 'x-c': 'sk-other', 'x-d': undefined }), [
    'x-a',
    'x-b',
  ])
})
