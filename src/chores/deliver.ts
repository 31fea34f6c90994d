import type { Logger } from 'pino'
import { note } from '../audit/audit.ts'
import { idAt } from '../ids.ts'
import type { Store } from '../store/store.ts'
import { dayMs } from '../times.ts'
import type { Deliveries, Due, Ending, Taken } from '../webhooks/deliveries.ts'
import type { Sender, Sent } from '../webhooks/sender.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { pause, startRounds } from './rounds.ts'

export type DeliverRooms = {
  readonly store: Store
  readonly webhooks: Webhooks
  readonly deliveries: Deliveries
  readonly sender: Sender
  readonly log: Logger
  /** Milliseconds between one sending and the next; after the last a delivery has failed. */
  readonly schedule?: readonly number[] | undefined
  readonly everyMs?: number | undefined
  readonly atOnce?: number | undefined
}

/** As the Standard Webhooks specification advises: a receiver that is down for most of a day misses nothing. */
const patience = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000]
/** Later by up to this share, so that what failed together does not come back together. */
const jitter = 0.1
/** Well above the longest sending, so that only a replica that died loses what it was sending. */
const leaseMs = 60_000
const keptDays = 30
const forgetEveryMs = 60_000
const batch = 200
const pauseMs = 20

/**
 * Sends what is due, one delivery at a time to each webhook, so that a slow receiver holds up nobody but itself. With
 * more webhooks than hands, who was served longest ago comes first.
 */
export function startDelivering(rooms: DeliverRooms): { close(): Promise<void> } {
  const { webhooks, deliveries, sender, log, everyMs = 1000, atOnce = 4 } = rooms
  const busy = new Set<string>()
  const working = new Set<Promise<void>>()
  const servedAt = new Map<string, number>()
  let served = 0
  let closed = false

  async function look(): Promise<void> {
    const due = await deliveries.due()
    const turn = ({ webhookId }: Due) => servedAt.get(webhookId) ?? 0
    const free = due.filter(({ webhookId }) => !busy.has(webhookId)).sort((one, other) => turn(one) - turn(other))
    if (!closed) for (const each of free.slice(0, Math.max(0, atOnce - busy.size))) begin(each)
  }

  function begin(due: Due): void {
    busy.add(due.webhookId)
    servedAt.set(due.webhookId, ++served)
    const work = deliver(due, rooms)
      .finally(() => busy.delete(due.webhookId))
      .then(() => (closed ? undefined : look()))
      // What could not be written is due again once its lease is over.
      .catch((error: unknown) => log.warn({ err: error, reason: 'webhooks' }, 'a delivery could not be written'))
      .finally(() => working.delete(work))
    working.add(work)
  }

  async function round(): Promise<void> {
    if (await webhooks.refresh()) await look()
  }

  const failed = 'webhooks cannot be read; tried again in a moment'
  const sending = startRounds(round, { everyMs, log, reason: 'webhooks', failed })
  const forgetting = startRounds((closing) => forgetOld(deliveries, closing), {
    ...{ everyMs: forgetEveryMs, log, reason: 'webhooks', failed: 'old deliveries could not be removed' },
  })

  return {
    /** What is being sent is broken off and belongs to the next who looks. */
    async close() {
      closed = true
      sender.close()
      await sending.close()
      await forgetting.close()
      await Promise.all(working)
    },
  }
}

async function deliver(due: Due, { store, deliveries, sender, log, schedule = patience }: DeliverRooms): Promise<void> {
  const taken = await deliveries.take(due, leaseMs)
  if (!taken) return
  const sent = await sender.send(taken)
  if (sent === 'stopped') {
    await store.write([deliveries.givingBack(taken)])
    return
  }
  const end = endingOf(sent, taken.attempts, schedule)
  if (end.error === 'gone') await leave(taken, end, store, deliveries)
  else await store.write([deliveries.ending(taken, end)])
  // Not the URL: some have a secret of the receiver's in them.
  const { webhookId: webhook, id: delivery, event, attempts } = taken
  const told = { reason: 'webhooks', webhook, delivery, event, attempts, status: end.status, error: end.error }
  if (end.state === 'failed') log.warn(told, 'a delivery failed for good')
  else log.debug(told, 'a delivery was sent')
}

function endingOf(sent: Exclude<Sent, 'stopped'>, attempts: number, schedule: readonly number[]): Ending {
  if (sent.delivered) return { state: 'delivered', status: sent.status, error: null, waitMs: 0 }
  const { status, failure: error } = sent
  const wait = schedule[attempts - 1]
  if (error === 'gone' || wait === undefined) return { state: 'failed', status, error, waitMs: 0 }
  return { state: 'pending', status, error, waitMs: Math.round(wait * (1 + jitter * Math.random())) }
}

/** A receiver that answers 410 wants nothing any more (RFC 9110 section 15.5.11), so its webhook is disabled. */
async function leave(taken: Taken, end: Ending, store: Store, deliveries: Deliveries): Promise<void> {
  const ended = deliveries.ending(taken, end)
  const after = { enabled: false, reason: 'gone' }
  const told = note('house', 'webhooks.disable', taken.webhookId, { enabled: true }, after)
  const done = await store.write([ended, ...deliveries.disabling(taken.webhookId), told])
  if (done.refused !== undefined) await store.write([ended])
}

async function forgetOld(deliveries: Deliveries, closing: AbortSignal): Promise<void> {
  const oldest = idAt('msg', Date.now() - keptDays * dayMs)
  while (!closing.aborted && (await deliveries.forget(oldest, batch)) > 0) await pause(pauseMs, closing)
}
