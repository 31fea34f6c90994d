/**
 * What counting and tracing cost one paid call on the event loop.
 * node test/bench/watching.ts
 *
 * 22 November 2026, two cores of an AMD EPYC, other work beside it, Node 26: the metrics of one call 0.3 to 1.0 us (the
 * budget is 3 us; prom-client's own counters and histograms would take 0.6 us each, of which a call needs seven); all steps of
 * a call that is not traced 15 ns, the loop around them taken off.
 */
import { openMetrics } from '../../src/metrics.ts'
import { openTracing } from '../../src/tracing.ts'

const rounds = 5

/** Nanoseconds of the best round. */
function nanoseconds(times: number, work: (index: number) => void): number {
  const each = Array.from({ length: rounds + 1 }, () => {
    const began = process.hrtime.bigint()
    for (let index = 0; index < times; index++) work(index)
    return Number(process.hrtime.bigint() - began) / times
  })
  return Math.min(...each.slice(1))
}

const metrics = openMetrics()
const upstream = { ms: 2700, attempts: [{ status: 200 }] }
const sold = { offer: 'stable-image-core', mode: 'live', refusal: undefined, act: undefined } as const
const counted = nanoseconds(300_000, (index) => {
  metrics.callBegan()
  metrics.turnCame(0)
  const outcome = index % 9 === 0 ? 'failed' : 'succeeded'
  metrics.callEnded({ ...sold, outcome, ms: index % 9000, upstream, mayBill: false, chargedMillionths: 3_000_000 })
})

const tracing = await openTracing(undefined, '', () => undefined)
let sum = 0
const alone = nanoseconds(3_000_000, (index) => {
  sum += index & 3
})
const untraced = nanoseconds(3_000_000, (index) => {
  const trace = tracing.call({}, 'call', 'offer')
  for (const step of ['body', 'turn', 'hold', 'judge', 'settle', 'reply'] as const) trace.at(step)
  trace.forwards('token')
  trace.forwarded(200, '')
  trace.end('succeeded', 'success', 200)
  sum += index & 3
})
process.stdout.write(`metrics ${counted.toFixed(0)} ns, no trace ${(untraced - alone).toFixed(0)} ns a call (${sum})\n`)
