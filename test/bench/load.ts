/**
 * The load of the benches, a process of its own: whole requests from one prepared buffer on raw keep-alive sockets,
 * always so many in flight or one at a time at a fixed pace. Every answer's status and length are checked. Over IPC: an
 * Order in, a Count out. The figures of the tested processes are read here, in the very moments the counting begins and
 * ends.
 */
import { Lanes } from './lanes.ts'
import { Latencies } from './latencies.ts'
import { cpuSeconds, familyOf, forgetPeak, peakBytes } from './machine.ts'
import { requestMessage } from './parcels.ts'

export type Order = {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly formBytes: number
  /** Length of a good answer's body. */
  readonly answerBytes: number
  readonly inFlight: number
  /** Milliseconds between two requests; 0 sends the next at once. */
  readonly paceMs: number
  readonly warmMs: number
  readonly countMs: number
  /** Counting goes on until there are so many, up to four times `countMs`. */
  readonly leastCalls: number
  /** With it the count ends after so many calls, however long they take. */
  readonly mostCalls?: number | undefined
  /** The process under test; its children count too. */
  readonly pid?: number | undefined
  /** Other statuses than 200 are tallied and not wrong. */
  readonly faulty?: boolean
}

export type Count = {
  readonly calls: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** All answers, those before and after the counting too. */
  readonly statuses: Readonly<Record<string, number>>
  /** How many answers were wrong, and in what the first was. */
  readonly wrong: number
  readonly fault: string | undefined
}

const mostWrong = 100
const drainMs = 90_000
const mostSpans = 4

async function run(order: Order): Promise<Count> {
  const { port, inFlight, paceMs, mostCalls = Number.POSITIVE_INFINITY } = order
  const pids = order.pid === undefined ? [] : familyOf(order.pid)
  const heard = openHearing(order, () => lanes.stop())
  const request = requestMessage(order.path, order.headers, order.formBytes)
  const lanes = new Lanes({ port, request, inFlight, paceMs, mostCalls }, heard)
  try {
    return { ...(await counted(order, pids, lanes, heard)), ...heard.told() }
  } finally {
    lanes.close()
  }
}

async function counted(order: Order, pids: readonly number[], lanes: Lanes, heard: Hearing) {
  await passed(order.warmMs)
  forgetPeak(pids)
  const [cpuBefore, countedFrom] = [cpuSeconds(pids), performance.now()]
  heard.count(true)
  await (order.mostCalls === undefined ? enough(order, heard) : lanes.drained)
  heard.count(false)
  const seconds = (performance.now() - countedFrom) / 1000
  const cost = { cpuSeconds: cpuSeconds(pids) - cpuBefore, peakBytes: peakBytes(pids) }
  lanes.stop()
  await Promise.race([lanes.drained, passed(drainMs)])
  if (lanes.busy > 0) heard.mistake(`${lanes.busy} calls had no answer after ${drainMs / 1000} s`)
  return { seconds, ...cost }
}

async function enough({ countMs, leastCalls }: Order, heard: Hearing): Promise<void> {
  for (let spans = 0; spans < mostSpans; spans++) {
    await passed(countMs)
    if (heard.calls() >= leastCalls || heard.failing()) return
  }
}

type Hearing = ReturnType<typeof openHearing>

function openHearing({ answerBytes, faulty }: Order, giveUp: () => void) {
  const latencies = new Latencies()
  const statuses: Record<string, number> = {}
  let counting = false
  let wrong = 0
  let fault: string | undefined

  function mistake(sentence: string): void {
    wrong++
    fault ??= sentence
    if (wrong === mostWrong) giveUp()
  }

  function answered(status: string, bytes: number, ms: number): void {
    statuses[status] = (statuses[status] ?? 0) + 1
    if (counting) latencies.record(ms)
    if (status === '200' ? bytes !== answerBytes : !faulty) mistake(`an answer ${status} of ${bytes} bytes`)
  }

  return {
    answered,
    mistake,
    broken: (why: string) => mistake(why),
    count(on: boolean) {
      counting = on
    },
    calls: () => latencies.count,
    failing: () => wrong >= mostWrong,
    told() {
      const quantiles = { p50Ms: latencies.quantileMs(0.5), p99Ms: latencies.quantileMs(0.99) }
      return { calls: latencies.count, ...quantiles, statuses, wrong, fault }
    },
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

process.on('message', (order: Order) => {
  run(order).then(
    (count) => process.send?.({ count }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  )
})
process.once('disconnect', () => process.exit(0))
process.send?.({ ready: true })
