import { type Counted, type LocalWindows, openWindows, type Windows } from './rate.ts'
import type { Redis } from './redis.ts'
import { countCall, lookAtCount } from './redis-scripts.ts'

/**
 * Windows counted in Redis, on its clock, exact for all replicas. While it is away each replica goes on from the count
 * it knows last, so a key that used up its rate gets no fresh one only because Redis left.
 */
export function openSharedWindows(redis: Redis, local: LocalWindows = openWindows()): Windows {
  async function countShared(id: string, windowMs: number): Promise<Counted> {
    const [calls, leftMs] = (await redis.ask(countCall, [`tollgate:rate:${id}`], [String(windowMs)])) ?? []
    if (calls === undefined || leftMs === undefined) return local.count(id, windowMs)
    const counted = { calls, leftMs }
    local.learn(id, windowMs, counted)
    return counted
  }

  async function look(id: string, windowMs: number): Promise<Counted> {
    const answer = redis.state === 'up' ? await redis.ask(lookAtCount, [`tollgate:rate:${id}`], [String(windowMs)]) : []
    const [calls, leftMs] = answer ?? []
    return calls === undefined || leftMs === undefined ? local.look(id, windowMs) : { calls, leftMs }
  }

  return {
    count: (id, windowMs) => (redis.state === 'up' ? countShared(id, windowMs) : local.count(id, windowMs)),
    look,
  }
}
