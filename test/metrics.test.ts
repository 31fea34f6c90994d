import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CallEnd, Counts, openMetrics, Spread } from '../src/metrics.ts'

const good: CallEnd = {
  ...{ offer: 'an-offer', mode: 'live', outcome: 'succeeded', refusal: undefined, act: undefined, ms: 1500 },
  upstream: { ms: 1200, attempts: [{ status: 429 }, { status: 200 }] },
  ...{ mayBill: false, chargedMillionths: 3_000_000 },
}
const words = (counts: Counts) => Object.fromEntries(counts.entries())

test('a value on a bound is counted below it, and what is beyond the last bound is kept', () => {
  const spread = new Spread([1, 5])
  for (const value of [0, 1, 1.001, 5, 6, 600]) spread.add(value)
  assert.deepEqual([...spread.counts], [2, 2, 2])
  assert.equal(spread.sum, 613.001)
})

test('words that are known stand at 0 before anything happened', () => {
  const counts = new Counts<string>(['a', 'b'])
  counts.add('b', 2)
  counts.add('c')
  assert.deepEqual(words(counts), { a: 0, b: 2, c: 1 })
})

test('a call is counted by offer, mode and outcome, each attempt by its status, its charge once', () => {
  const metrics = openMetrics()
  metrics.callBegan()
  metrics.callEnded(good)
  const { tallies, inFlight } = metrics.read()
  const [tally] = tallies
  assert.deepEqual([tallies.length, inFlight, tally?.offer, tally?.mode], [1, 0, 'an-offer', 'live'])
  assert.equal(words(tally?.outcomes ?? new Counts())['succeeded'], 1)
  assert.deepEqual(words(tally?.statuses ?? new Counts()), { 200: 1, 429: 1 })
  assert.equal(tally?.chargedMillionths, 3_000_000)
  assert.deepEqual([tally?.callSeconds.sum, tally?.upstreamSeconds.sum], [1.5, 1.2])
})

test('a refused call has a name and no seconds, and is told apart from those whose key is known', () => {
  const metrics = openMetrics()
  metrics.sells(['an-offer'])
  metrics.callBegan()
  metrics.callBegan()
  metrics.callEnded({ ...good, mode: undefined, outcome: 'refused', refusal: 'unauthorized', upstream: undefined })
  const { tallies, inFlight } = metrics.read()
  assert.equal(inFlight, 1)
  assert.deepEqual(
    tallies.map(({ mode }) => mode),
    ['live', 'none'],
  )
  assert.deepEqual(words(tallies[1]?.refusals ?? new Counts()), { unauthorized: 1 })
  assert.deepEqual(words(tallies[1]?.outcomes ?? new Counts()), { refused: 1 })
  assert.equal(tallies[1]?.callSeconds.sum, 0)
})

test('whatever numbers an upstream invents, its statuses stay few', () => {
  const metrics = openMetrics()
  const attempts = Array.from({ length: 1000 }, (_, status) => ({ status }))
  metrics.callEnded({ ...good, upstream: { ms: 1, attempts } })
  const statuses = words(metrics.read().tallies[0]?.statuses ?? new Counts())
  assert.deepEqual(
    ['none', '1xx', '2xx', '200', '529', '5xx'].map((word) => Number(statuses[word]) > 0),
    Array(6).fill(true),
  )
  assert.ok(Object.keys(statuses).length <= 20)
  assert.equal(
    Object.values(statuses).reduce((sum, count) => sum + count, 0),
    1000,
  )
})

test('what the upstream may bill is counted by outcome, and holds of dead processes beside it', () => {
  const metrics = openMetrics()
  metrics.callEnded({ ...good, outcome: 'unknown', mayBill: true, chargedMillionths: 0 })
  metrics.recovered(3)
  metrics.recovered(0)
  const { tallies, recovered } = metrics.read()
  assert.deepEqual(words(tallies[0]?.mayBill ?? new Counts()), { failed: 0, unknown: 1 })
  assert.equal(recovered, 3)
})
