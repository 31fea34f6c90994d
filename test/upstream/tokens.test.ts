import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { openTokens } from '../../src/upstream/tokens.ts'

const one = 'sk-one-7f3a9c2e5b8d1406'
const two = 'sk-two-0a1b2c3d4e5f6071'
const both = () => openTokens([{ value: one }, { value: two }])
const none: ReadonlySet<string> = new Set()

test('tokens are taken in turn, and each once per call', () => {
  const tokens = both()
  const hints = [1, 2, 3, 4].map(() => tokens.take(none)?.hint)
  assert.deepEqual(hints, ['1406', '6071', '1406', '6071'])
  const tried = new Set(tokens.list().map(({ id }) => id))
  assert.equal(tokens.take(tried), undefined)
})

test('a token set aside is not taken, and comes back', async () => {
  const tokens = both()
  const first = tokens.take(none)
  assert.ok(first)
  tokens.setAside(first, 'cooling', 50)
  assert.deepEqual(
    [1, 2, 3].map(() => tokens.take(none)?.hint),
    ['6071', '6071', '6071'],
  )
  assert.deepEqual(
    tokens.list().map(({ state }) => state),
    ['cooling', 'active'],
  )
  await new Promise((wake) => setTimeout(wake, 60))
  assert.deepEqual(
    tokens.list().map(({ state }) => state),
    ['active', 'active'],
  )
  assert.ok([1, 2].map(() => tokens.take(none)?.id).includes(first.id))
})

test('the outlook is the first token back, or none when waiting is in vain', () => {
  const tokens = both()
  assert.equal(tokens.outlook().state, 'ready')
  const [first, second] = [tokens.take(none), tokens.take(none)]
  assert.ok(first && second)
  tokens.setAside(first, 'revoked', 60_000)
  assert.equal(tokens.outlook().state, 'ready')
  tokens.setAside(second, 'empty', 60_000)
  assert.equal(tokens.outlook().state, 'none')
  tokens.setAside(second, 'cooling', 500_000)
  assert.equal(tokens.outlook().state, 'cooling')
  tokens.setAside(first, 'cooling', 100_000)
  const { waitMs } = tokens.outlook()
  assert.ok(waitMs > 50_000 && waitMs <= 100_000)
  assert.equal(openTokens([]).outlook().state, 'none')
})

test('a house without rest never sets its token aside', () => {
  const tokens = openTokens([{ value: one }], false)
  const token = tokens.take(none)
  assert.ok(token)
  tokens.setAside(token, 'revoked', 60_000)
  assert.equal(tokens.outlook().state, 'ready')
})

test('a token signs a request and shows its last four characters', () => {
  const token = openTokens([{ value: one }]).take(none)
  assert.deepEqual(token?.sign(['accept', 'image/*']), ['accept', 'image/*', 'authorization', `Bearer ${one}`])
  assert.equal(token?.hint, '1406')
  assert.match(token?.id ?? '', /^tok_[0-9a-f]{20}$/)
  assert.ok(!inspect(both().list(), { depth: 9 }).includes(one))
})

test('a token keeps its id when the list is reordered', () => {
  const ids = (...secrets: string[]) =>
    openTokens(secrets.map((value) => ({ value })))
      .list()
      .map(({ id }) => id)
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
