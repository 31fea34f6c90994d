import type { Logger } from 'pino'
import { openPace, type Pace, type PaceRate } from './pace.ts'
import { openWindows, type Windows } from './rate.ts'
import { openRedis, type Redis } from './redis.ts'
import { openSharedPace } from './redis-pace.ts'
import { openSharedWindows } from './redis-rate.ts'
import { openSharedSlots } from './redis-slots.ts'
import { openSlots, type Slots } from './slots.ts'

export type Limits = {
  readonly windows: Windows
  readonly slots: Slots
  /** The pace of an upstream's tokens; without Redis the replicas share it in equal parts. */
  paceOf(rate: PaceRate, replicas: () => number): Pace
  /** Undefined when nothing is shared. */
  readonly redis: Redis | undefined
  close(): Promise<void>
}

/** Rates, slots and pace of this process, or shared through the Redis that REDIS_URL names. Throws StoreRefusal. */
export async function openLimits(redisUrl: string | undefined, log: Logger): Promise<Limits> {
  if (redisUrl === undefined) {
    const close = async () => undefined
    return { windows: openWindows(), slots: openSlots(), paceOf: openPace, redis: undefined, close }
  }
  const redis = await openRedis(redisUrl, log)
  const slots = openSharedSlots(redis)

  async function close(): Promise<void> {
    slots.close()
    await redis.close()
  }

  const paceOf = (rate: PaceRate) => openSharedPace(redis, rate)
  return { windows: openSharedWindows(redis), slots, paceOf, redis, close }
}
