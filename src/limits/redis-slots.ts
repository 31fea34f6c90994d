import { randomUUID } from 'node:crypto'
import type { Redis } from './redis.ts'
import { countLeases, freeLeases, renewLeases, takeLease } from './redis-scripts.ts'
import { openSlots, type Slot, type Slots } from './slots.ts'

export type SharedSlots = Slots & {
  /** Renews no lease any more; those still taken end by themselves. */
  close(): void
}

type Lease = {
  readonly name: string
  /** Whether Redis may know it. */
  told: boolean
}
type Leases = Map<string, Set<Lease>>

const leaseMs = 60_000
/** Bounds how long one script keeps Redis from others. */
const leasesPerScript = 500

/**
 * Slots as leases in Redis, on its clock, exact for all replicas: a lease lasts while its call is renewed, so a crash
 * frees it. Each replica also counts its own calls, and goes by that while Redis is away; once it is back it is told of
 * every call in flight and of every one that ended meanwhile. A slot without bound is counted here only.
 */
export function openSharedSlots(redis: Redis, lastsMs = leaseMs): SharedSlots {
  const local = openSlots()
  const taken: Leases = new Map()
  /** Leases that Redis may still have of calls that ended while it was away. */
  const ended: Leases = new Map()

  function take(id: string, most: number): Slot | undefined | Promise<Slot | undefined> {
    // A replica whose own calls fill the bound needs no word from the others.
    const own = local.take(id, most)
    if (!own || most === Number.POSITIVE_INFINITY) return own
    const lease = { name: randomUUID(), told: false }
    put(taken, id, lease)
    const slot = { release: () => release(id, lease, own) }
    return redis.state === 'up' ? takeShared(id, most, lease, slot) : slot
  }

  async function takeShared(id: string, most: number, lease: Lease, slot: Slot): Promise<Slot | undefined> {
    lease.told = true
    const answer = await redis.ask(takeLease, [keyOf(id)], [String(most), String(lastsMs), lease.name])
    if (answer?.[0] !== 0) return slot
    lease.told = false
    slot.release()
    return undefined
  }

  function release(id: string, lease: Lease, own: Slot): void {
    if (!drop(taken, id, lease)) return
    own.release()
    if (lease.told) free(id, [lease])
  }

  async function free(id: string, leases: readonly Lease[]): Promise<void> {
    const answer = await redis.ask(freeLeases, [keyOf(id)], leases.map(nameOf))
    if (!answer) for (const lease of leases) put(ended, id, lease)
  }

  async function renew(): Promise<void> {
    for (const [id, leases] of taken) {
      for (const part of inParts(leases)) {
        // Not those freed while the part before was renewed, which would come back to life.
        const alive = part.filter((lease) => leases.has(lease))
        if (redis.state === 'down') return
        for (const lease of alive) lease.told = true
        if (alive.length > 0) await redis.ask(renewLeases, [keyOf(id)], [String(lastsMs), ...alive.map(nameOf)])
      }
    }
  }

  async function catchUp(): Promise<void> {
    const missed = [...ended]
    ended.clear()
    for (const [id, leases] of missed) for (const part of inParts(leases)) await free(id, part)
    await renew()
  }

  async function countAll(id: string): Promise<number> {
    const answer = redis.state === 'up' ? await redis.ask(countLeases, [keyOf(id)], []) : []
    return answer?.[0] ?? local.count(id)
  }

  const timer = setInterval(renew, lastsMs / 3)
  timer.unref()
  redis.onBack(catchUp)
  return { take, count: local.count, countAll, close: () => clearInterval(timer) }
}

// Ids only: nothing that opens a door is told to Redis.
function keyOf(id: string): string {
  return `tollgate:slots:${id}`
}

function nameOf({ name }: Lease): string {
  return name
}

function put(leases: Leases, id: string, lease: Lease): void {
  const those = leases.get(id)
  if (those) those.add(lease)
  else leases.set(id, new Set([lease]))
}

function drop(leases: Leases, id: string, lease: Lease): boolean {
  const those = leases.get(id)
  const was = those?.delete(lease) ?? false
  if (those?.size === 0) leases.delete(id)
  return was
}

function inParts(leases: ReadonlySet<Lease>): Lease[][] {
  const all = [...leases]
  const parts: Lease[][] = []
  for (let start = 0; start < all.length; start += leasesPerScript)
    parts.push(all.slice(start, start + leasesPerScript))
  return parts
}
