import { openPace, type Pace, type PaceRate, spreadOf } from './pace.ts'
import type { Redis } from './redis.ts'
import { givePermitBack, takePermit } from './redis-scripts.ts'

/**
 * The pace in Redis, on its clock, exact for all replicas. Each replica also counts its own permits, and goes by that
 * while Redis is away.
 */
export function openSharedPace(redis: Redis, rate: PaceRate, now = () => performance.now()): Pace {
  const local = openPace(rate, undefined, now)
  const { intervalMs, slackMs } = spreadOf(rate)
  const numbers = [micros(intervalMs), micros(slackMs)]
  /** When it is worth asking again. */
  const refusedUntil = new Map<string, number>()

  function waitMs(id: string): number {
    return redis.state === 'up' ? Math.max(0, (refusedUntil.get(id) ?? 0) - now()) : local.waitMs(id)
  }

  function take(id: string): boolean | Promise<boolean> {
    return redis.state === 'up' ? takeShared(id) : local.take(id)
  }

  async function takeShared(id: string): Promise<boolean> {
    const [waitMicros] = (await redis.ask(takePermit, [keyOf(id)], numbers)) ?? []
    if (waitMicros === undefined) return local.take(id)
    if (waitMicros > 0) refusedUntil.set(id, now() + waitMicros / 1000)
    else local.count(id)
    return waitMicros === 0
  }

  function giveBack(id: string): void {
    local.giveBack(id)
    if (redis.state === 'up') void redis.ask(givePermitBack, [keyOf(id)], numbers)
  }

  return { waitMs, take, giveBack, spacingMs: () => intervalMs }
}

function keyOf(id: string): string {
  return `tollgate:pace:${id}`
}

function micros(ms: number): string {
  return String(Math.ceil(ms * 1000))
}
