import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { digestOf, hintOf, kindOf, mintKey } from '../../src/keys/key.ts'

const kinds = ['live', 'test', 'admin'] as const
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

test('a key tells its kind and carries a checksum of everything before it', () => {
  for (const kind of kinds) {
    const key = mintKey(kind)
    assert.match(key, new RegExp(`^tg_${kind}_[0-9A-Za-z]{38}$`))
    assert.equal(kindOf(key), kind)
    const number = [...key.slice(-6)].reduce((sum, digit) => sum * 62 + digits.indexOf(digit), 0)
    assert.equal(number, crc32(key.slice(0, -6)))
    assert.equal(hintOf(key), key.slice(0, 12))
    assert.equal(digestOf(key).length, 64)
  }
})

test('any one wrong, missing or swapped character is noticed', () => {
  const key = mintKey('live')
  const places = fc.integer({ min: 0, max: key.length - 1 })
  fc.assert(
    fc.property(places, fc.constantFrom(...digits, '_', ' ', 'é'), (at, other) => {
      const wrong = key.slice(0, at) + other + key.slice(at + 1)
      assert.equal(kindOf(wrong), wrong === key ? 'live' : undefined)
      assert.equal(kindOf(key.slice(0, at) + key.slice(at + 1)), undefined)
      assert.equal(kindOf(key.slice(0, at) + other + key.slice(at)), undefined)
    }),
  )
  for (const kind of ['test', 'admin'] as const) assert.equal(kindOf(key.replace('live', kind)), undefined)
})

test('no two keys are alike, and every digit comes up', () => {
  const keys = Array.from({ length: 2000 }, () => mintKey('test'))
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(new Set(keys.flatMap((key) => [...key.slice(8, 40)])).size, 62)
})
