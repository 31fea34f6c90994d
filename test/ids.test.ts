import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type IdKind, idAt, isId, newId } from '../src/ids.ts'

test('two hundred thousand ids are unique and come in the order they were made', () => {
  const ids = Array.from({ length: 200_000 }, () => newId('call'))
  assert.equal(new Set(ids).size, ids.length)
  assert.deepEqual(ids.toSorted(), ids)
})

test('an id tells its kind and has the one shape there is', () => {
  for (const kind of ['acc', 'key', 'call', 'ent', 'op', 'aud'] as const satisfies IdKind[]) {
    const id = newId(kind)
    assert.match(id, new RegExp(`^${kind}_[0-9a-hjkmnp-tv-z]{26}$`))
    assert.ok(isId(id, kind))
  }
})

test('what cannot be an id is known without a look-up', () => {
  const id = newId('call')
  for (const text of [
    '',
    'call_',
    id.slice(0, -1),
    `${id}0`,
    id.toUpperCase(),
    ` ${id}`,
    `${id}\n`,
    id.replace(/.$/, 'u'),
  ]) {
    assert.ok(!isId(text, 'call'), JSON.stringify(text))
  }
  assert.ok(!isId(newId('acc'), 'call'))
})

test('a clock that steps back does not unsort ids', (t) => {
  let nowMs = Date.now() + 10_000
  t.mock.method(Date, 'now', () => nowMs)
  const before = newId('ent')
  nowMs -= 3_600_000
  const after = [newId('ent'), newId('ent')]
  assert.deepEqual([before, ...after].toSorted(), [before, ...after])
})

test('more ids in a millisecond than it has serials still come in order', (t) => {
  const nowMs = Date.now() + 20_000
  t.mock.method(Date, 'now', () => nowMs)
  let last = newId('call')
  for (let count = 0; count < 1_100_000; count++) {
    const next = newId('call')
    if (next <= last) assert.fail(`${next} came after ${last}`)
    last = next
  }
})

test('the text of a moment parts the ids made before it from those made after', (t) => {
  let nowMs = Date.now() + 60_000
  t.mock.method(Date, 'now', () => nowMs)
  const before = newId('call')
  nowMs += 1000
  const moment = idAt('call', nowMs)
  const after = newId('call')
  assert.ok(before < moment && moment < after)
})

test('an id cannot be guessed from the one before', () => {
  const tails = Array.from({ length: 1000 }, () => newId('key').slice(-12))
  assert.equal(new Set(tails).size, tails.length)
})
