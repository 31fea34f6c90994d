import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFailures } from '../../src/limits/failures.ts'

/** How many failures of an address pass before one has to wait. */
function passed(note: (address: string) => number | undefined, address: string): number {
  let count = 0
  while (note(address) === undefined) count++
  return count
}

test('twenty failures of an address pass, the next ones wait for the rest of their minute', () => {
  let nowMs = 5_000
  const { note } = openFailures(() => nowMs)
  assert.equal(passed(note, '203.0.113.9'), 20)
  assert.equal(note('203.0.113.9'), 60)
  nowMs += 59_001
  assert.equal(note('203.0.113.9'), 1)
  assert.equal(note('203.0.113.10'), undefined)
  nowMs += 999
  assert.equal(passed(note, '203.0.113.9'), 20)
})

test('all addresses of an IPv6 network of 64 bits count together, however they are written', () => {
  const { note } = openFailures(() => 0)
  for (let count = 0; count < 20; count++) assert.equal(note(`2001:db8:0:1::${count}`), undefined)
  assert.equal(note('2001:db8:0:1:ffff:ffff:ffff:ffff'), 60)
  assert.equal(note('2001:0DB8:0000:1::'), 60)
  assert.equal(note('2001:db8:0:2::1'), undefined)
  assert.equal(note('2001:db8::1:0:0:0:1'), 60)
})

test('an IPv4 address written as IPv6 is the same address', () => {
  const { note } = openFailures(() => 0)
  assert.equal(passed(note, '::ffff:203.0.113.9'), 20)
  assert.equal(note('203.0.113.9'), 60)
})
