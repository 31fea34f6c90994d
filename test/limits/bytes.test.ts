import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBytes } from '../../src/limits/bytes.ts'
import { until } from '../support/raw-client.ts'

test('bytes are taken up to the limit and not past it, and what was refused is not counted', () => {
  const bytes = openBytes(100, 60_000)
  const [one, other] = [bytes.load(), bytes.load()]
  assert.deepEqual([one.take(60), other.take(41), other.take(40)], [true, false, true])
  assert.equal(bytes.inFlight, 100)
  assert.equal(one.take(1), false)
})

test('bytes that cannot be refused are counted past the limit, and nobody else comes in until they are gone', () => {
  const bytes = openBytes(100, 60_000)
  const [one, other] = [bytes.load(), bytes.load()]
  one.take(10)
  one.add(500)
  assert.equal(bytes.inFlight, 510)
  assert.equal(other.take(1), false)
  one.giveBack()
  assert.equal(other.take(100), true)
})

test('what a call took is given back once, and nothing is counted for it afterwards', () => {
  const bytes = openBytes(100, 60_000)
  const [one, other] = [bytes.load(), bytes.load()]
  one.take(30)
  other.take(50)
  one.giveBack()
  one.giveBack()
  one.add(7)
  one.take(8)
  assert.equal(bytes.inFlight, 50)
  other.giveBack()
  assert.equal(bytes.inFlight, 0)
})

test('an upload that cannot be whole in time makes room for others, and those who keep up do not', async () => {
  const bytes = openBytes(100, 2000)
  const refused: string[] = []
  const rows: Readonly<Record<string, (passed: number) => number>> = {
    'nothing comes': () => 0,
    'it comes too slowly': (passed) => 2 * passed,
    'it keeps up': (passed) => 25 * passed,
    'all of it is there': () => 25,
  }
  const beganMs = performance.now()
  for (const [name, readAt] of Object.entries(rows)) {
    const load = bytes.load()
    assert.equal(load.take(25), true)
    const read = () => readAt((performance.now() - beganMs) / 2000)
    load.awaits({ announced: 25, read, refuse: () => refused.push(name) })
  }
  const other = bytes.load()
  assert.equal(other.take(50), false, 'nobody has to be fast at once')
  await until('there is room', () => other.take(50))
  assert.deepEqual(refused, ['nothing comes', 'it comes too slowly'])
  assert.equal(bytes.inFlight, 100)
})

test('an upload that is over loses nothing to others, however long its call takes', async () => {
  const bytes = openBytes(100, 1)
  const [one, other] = [bytes.load(), bytes.load()]
  one.take(60)
  one.awaits({ announced: 60, read: () => 60, refuse: () => assert.fail('it was whole') })
  for (const load of [other, bytes.load()]) {
    await new Promise((wake) => setTimeout(wake, 120))
    assert.equal(load.take(60), false)
  }
  one.giveBack()
  assert.equal(other.take(60), true)
})

test('a slow upload is found whatever others came and went beside it', async () => {
  const bytes = openBytes(100, 500)
  const refused: string[] = []
  const uploads = new Map(
    ['gone first', 'slow', 'gone second', 'keeps up', 'gone last'].map((name) => {
      const load = bytes.load()
      load.take(20)
      load.awaits({ announced: 20, read: () => (name === 'slow' ? 0 : 20), refuse: () => refused.push(name) })
      return [name, load]
    }),
  )
  const give = (name: string) => uploads.get(name)?.giveBack()
  give('gone last')
  give('gone first')
  give('gone second')
  give('gone first')
  const other = bytes.load()
  await until('there is room', () => other.take(80))
  assert.deepEqual([refused, bytes.inFlight], [['slow'], 100])
  give('slow')
  give('keeps up')
  assert.equal(bytes.inFlight, 80)
})
