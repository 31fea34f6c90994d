import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import { openClient } from './client.ts'
import type { TestHouse } from './house.ts'
import type { Call } from './stand-in-request.ts'

/** A mode for a stand-in that allows so many calls in any span and refuses those beyond with 429; `refused` counts them. */
export function strict(calls: number, spanMs: number) {
  const arrivals: number[] = []
  const state = { refused: 0 }
  const mode = (_call: Call) => {
    const nowMs = performance.now()
    const lately = arrivals.filter((at) => at > nowMs - spanMs)
    arrivals.push(nowMs)
    if (lately.length < calls) return 'ok' as const
    state.refused++
    return 'rate-limited:1' as const
  }
  return { mode, state }
}

export type Fairness = {
  readonly served: number
  readonly others: readonly number[]
  /** Longest and middle wait of the quiet account's calls, milliseconds. */
  readonly longestMs: number
  readonly medianMs: number
  readonly quietServed: number
}

/** One account sends `many` calls at once, another one a call every `everyMs` until `forMs` have gone by. */
export async function crowd(
  house: TestHouse,
  { many, everyMs, forMs }: { readonly many: number; readonly everyMs: number; readonly forMs: number },
): Promise<Fairness> {
  const loud = await house.key(await house.account(10 * many))
  const quiet = await house.key(await house.account(10_000))
  const flood = Array.from({ length: many }, (_, index) => house.client.call(loud.secret, { prompt: `loud ${index}` }))
  const waits: Promise<number>[] = []
  // With connections of its own: the flood must not hold it up on the way to the house.
  const agent = new Agent()
  const client = openClient(house.origin, agent)
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(everyMs)) {
    const sentMs = performance.now()
    const reply = client.call(quiet.secret, { prompt: `quiet ${waits.length}` })
    waits.push(
      reply.then(({ status }) => {
        assert.equal(status, 200)
        return performance.now() - sentMs
      }),
    )
  }
  const quietMs = (await Promise.all(waits)).sort((one, other) => one - other)
  await agent.close()
  const statuses = (await Promise.all(flood)).map(({ status }) => status)
  return {
    served: statuses.filter((status) => status === 200).length,
    others: [...new Set(statuses.filter((status) => status !== 200))],
    longestMs: Math.round(quietMs.at(-1) ?? 0),
    medianMs: Math.round(quietMs[Math.floor(quietMs.length / 2)] ?? 0),
    quietServed: quietMs.length,
  }
}
