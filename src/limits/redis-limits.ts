import type { Logger } from 'pino'
import { openWindows, type Windows } from './rate.ts'
import { openRedis, type Redis } from './redis.ts'
import { openSharedWindows } from './redis-rate.ts'
import { openSharedSlots } from './redis-slots.ts'
import { openSlots, type Slots } from './slots.ts'

export type Limits = {
  readonly windows: Windows
  readonly slots: Slots
  /** Undefined when nothing is shared. */
  readonly redis: Redis | undefined
  close(): Promise<void>
}

/** Rates and slots of this process, or shared through the Redis that REDIS_URL names. Throws StoreRefusal. */
export async function openLimits(redisUrl: string | undefined, log: Logger): Promise<Limits> {
  if (redisUrl === undefined) {
    return { windows: openWindows(), slots: openSlots(), redis: undefined, close: async () => undefined }
  }
  const redis = await openRedis(redisUrl, log)
  const slots = openSharedSlots(redis)

  async function close(): Promise<void> {
    slots.close()
    await redis.close()
  }

  return { windows: openSharedWindows(redis), slots, redis, close }
}
