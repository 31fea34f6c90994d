import assert from 'node:assert/strict'
import { test } from 'node:test'
import { discard, openBuffers } from '../src/buffers.ts'

const mebibyte = 1024 * 1024

test('a large buffer that was given back is used again for about as many bytes, and once', () => {
  const buffers = openBuffers()
  const first = buffers.take(1_500_000)
  assert.equal(first.length, 1_500_000)
  const other = buffers.take(1_500_000)
  assert.notEqual(other.buffer, first.buffer)
  buffers.giveBack(first.subarray(0, 10))
  buffers.giveBack(first)
  assert.equal(buffers.idleBytes(), first.buffer.byteLength)
  const again = buffers.take(1_200_000)
  assert.equal(again.buffer, first.buffer)
  assert.equal(again.length, 1_200_000)
  assert.notEqual(buffers.take(1_500_000).buffer, first.buffer)
  assert.equal(buffers.idleBytes(), 0)
})

test('what is small, or was never taken here, is not kept', () => {
  const buffers = openBuffers()
  buffers.giveBack(buffers.take(1000))
  buffers.giveBack(Buffer.alloc(2 * mebibyte))
  buffers.giveBack(Buffer.from('a slice of the pool that all small buffers share'))
  assert.equal(buffers.idleBytes(), 0)
})

test('idle buffers have a bound', () => {
  const buffers = openBuffers()
  const all = Array.from({ length: 40 }, () => buffers.take(4 * mebibyte))
  for (const buffer of all) buffers.giveBack(buffer)
  assert.equal(buffers.idleBytes(), 128 * mebibyte)
})

test('buffers that nobody needed for a while are freed, and those in use now and then stay', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const buffers = openBuffers()
  const takeAndGive = (count: number) => {
    const all = Array.from({ length: count }, () => buffers.take(4 * mebibyte))
    for (const buffer of all) buffers.giveBack(buffer)
    return all.map(({ buffer }) => buffer)
  }
  const first = takeAndGive(10)
  t.mock.timers.tick(10_000)
  assert.equal(buffers.idleBytes(), 40 * mebibyte)
  takeAndGive(3)
  t.mock.timers.tick(10_000)
  assert.equal(buffers.idleBytes(), 12 * mebibyte)
  assert.equal(first.filter(({ byteLength }) => byteLength > 0).length, 3)
  t.mock.timers.tick(10_000)
  assert.equal(buffers.idleBytes(), 0)
  takeAndGive(1)
  assert.equal(buffers.idleBytes(), 4 * mebibyte)
  t.mock.timers.tick(10_000)
  t.mock.timers.tick(10_000)
  assert.equal(buffers.idleBytes(), 0)
})

test('what is discarded is freed at once, but never memory that others share', () => {
  const read = Buffer.allocUnsafeSlow(64 * 1024)
  discard(read)
  assert.equal(read.length, 0)
  const whole = Buffer.alloc(64 * 1024, 'a')
  discard(whole.subarray(0, 32 * 1024))
  assert.equal(whole.toString(), 'a'.repeat(64 * 1024))
  const pooled = Buffer.from('small buffers share their memory')
  discard(pooled)
  assert.equal(pooled.toString(), 'small buffers share their memory')
})
