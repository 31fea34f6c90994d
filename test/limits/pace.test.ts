import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openPace, spreadOf } from '../../src/limits/pace.ts'

/** Takes whatever may be had, after waits of the given milliseconds; answers when each permit was had. */
function taken(rate: { calls: number; windowMs: number }, waits: readonly number[]): number[] {
  let nowMs = 0
  const pace = openPace(rate, undefined, () => nowMs)
  const times: number[] = []
  for (const wait of waits) {
    nowMs += wait
    while (pace.take('a')) times.push(nowMs)
  }
  return times
}

function mostInAnySpan(times: readonly number[], spanMs: number): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + spanMs).length))
}

test('in no span, wherever it begins, are there more permits than the pace allows', () => {
  const rates = fc.record({ calls: fc.integer({ min: 1, max: 60 }), windowMs: fc.integer({ min: 1, max: 5000 }) })
  const waits = fc.array(fc.double({ min: 0, max: 2000, noNaN: true }), { maxLength: 40 })
  fc.assert(
    fc.property(rates, waits, (rate, rests) => {
      assert.ok(mostInAnySpan(taken(rate, rests), rate.windowMs) <= rate.calls)
    }),
    { numRuns: 500 },
  )
})

test('who takes all there is gets the whole pace, a tenth of it at once', () => {
  for (const [calls, windowMs] of [
    [140, 10_000],
    [14, 1000],
    [1, 500],
    [9, 900],
  ] as const) {
    const times = taken(
      { calls, windowMs },
      Array.from({ length: 1 + 10 * windowMs }, (_, index) => (index === 0 ? 0 : 1)),
    )
    const burst = Math.max(1, Math.floor(calls / 10))
    assert.equal(times.filter((at) => at === 0).length, burst)
    assert.ok(mostInAnySpan(times, windowMs) <= calls)
    const { intervalMs } = spreadOf({ calls, windowMs })
    // Whole milliseconds of this clock round each permit up.
    assert.ok(times.length >= burst + (10 * windowMs) / Math.ceil(intervalMs) - 1, `${times.length} of ${calls}`)
  }
})

test('a wait that is told is long enough, and not longer than needed', () => {
  let nowMs = 5000
  const pace = openPace({ calls: 20, windowMs: 1900 }, undefined, () => nowMs)
  while (pace.take('a'));
  assert.equal(pace.waitMs('a'), 100)
  nowMs += 99
  assert.equal(pace.take('a'), false)
  nowMs += 1
  assert.equal(pace.take('a'), true)
})

test('tokens do not share a pace, and a permit given back can be had again', () => {
  const pace = openPace({ calls: 1, windowMs: 60_000 })
  assert.equal(pace.take('a'), true)
  assert.equal(pace.take('a'), false)
  assert.equal(pace.take('b'), true)
  pace.giveBack('a')
  assert.equal(pace.take('a'), true)
  assert.equal(pace.take('a'), false)
})

test('replicas without a common store take equal parts', () => {
  let nowMs = 0
  let replicas = 1
  const pace = openPace(
    { calls: 1, windowMs: 1000 },
    () => replicas,
    () => nowMs,
  )
  replicas = 3
  assert.equal(pace.take('a'), true)
  nowMs = 2999
  assert.equal(pace.take('a'), false)
  nowMs = 3000
  assert.equal(pace.take('a'), true)
})

test('those who reserve come one after the other, as near as the pace allows', () => {
  const rates = fc.record({ calls: fc.integer({ min: 1, max: 60 }), windowMs: fc.integer({ min: 1, max: 5000 }) })
  const waits = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { maxLength: 60 })
  fc.assert(
    fc.property(rates, waits, (rate, rests) => {
      let nowMs = 0
      const pace = openPace(rate, undefined, () => nowMs)
      const times = rests.map((rest) => {
        nowMs += rest
        return nowMs + pace.reserve('a')
      })
      assert.deepEqual(
        times,
        times.toSorted((one, other) => one - other),
      )
      // A hair is what sums of doubles may be off by.
      assert.ok(mostInAnySpan(times, rate.windowMs - 0.01) <= rate.calls)
    }),
    { numRuns: 500 },
  )
})
