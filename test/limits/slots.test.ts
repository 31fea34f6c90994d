import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSlots } from '../../src/limits/slots.ts'

test('as many slots are given as there may be, and one that is freed can be taken again', () => {
  const slots = openSlots()
  const [first, second] = [slots.take('key_1', 2), slots.take('key_1', 2)]
  assert.ok(first && second)
  assert.equal(slots.take('key_1', 2), undefined)
  assert.ok(slots.take('key_2', 1), 'another key has slots of its own')
  first.release()
  assert.equal(slots.count('key_1'), 1)
  assert.ok(slots.take('key_1', 2))
  assert.equal(slots.take('key_1', 2), undefined)
})

test('a slot is freed once, however often it is asked to', () => {
  const slots = openSlots()
  const [first, second] = [slots.take('key_1', 9), slots.take('key_1', 9)]
  assert.ok(first && second)
  for (let count = 0; count < 3; count++) first.release()
  assert.equal(slots.count('key_1'), 1)
  second.release()
  assert.equal(slots.count('key_1'), 0)
})
