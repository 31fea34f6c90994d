import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gathered } from '../src/gathered.ts'

test('pieces of any size come out whole and in their order', () => {
  for (const size of [1, 7, 4096, 5000, 70_000]) {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251))
    const gathered = new Gathered(bytes.length)
    for (let at = 0; at < bytes.length; at += size) gathered.add(bytes.subarray(at, at + size))
    assert.ok(gathered.whole().equals(bytes), `pieces of ${size}`)
  }
  assert.equal(new Gathered(10).whole().length, 0)
})

test('no piece is kept, so single bytes cost no more than a block of as many', () => {
  const gathered = new Gathered(1000)
  const piece = Buffer.from('a')
  gathered.add(piece)
  piece.write('b')
  gathered.add(piece)
  assert.equal(gathered.whole().toString(), 'ab')
})

test('the room it takes grows no further than what it may be given', () => {
  const gathered = new Gathered(10_000)
  for (let count = 0; count < 10_000; count++) gathered.add(Buffer.from('x'))
  assert.equal(gathered.whole().buffer.byteLength, 10_000)
})
