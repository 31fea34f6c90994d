import type { Logger } from 'pino'
import type { Leases } from '../ledger/leases.ts'
import type { Ledger } from '../ledger/ledger.ts'

export type RecoverRooms = {
  readonly leases: Leases
  readonly ledger: Ledger
  readonly log: Logger
  /** Well below the length of a lease, so that one or two failed rounds cost nobody a hold. */
  readonly everyMs?: number | undefined
}

/**
 * Renews the lease of this replica and releases the holds of those whose lease is over, by whoever comes first.
 * The first round is over when it resolves. Throws StoreUnavailable then, and never later.
 */
export async function startRecovering(rooms: RecoverRooms): Promise<{ close(): Promise<void> }> {
  const { leases, log, everyMs = 10_000 } = rooms
  await recover(rooms)
  let running: Promise<unknown> = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    running = recover(rooms)
      .catch((error: unknown) => log.warn({ err: error, reason: 'recovery' }, 'the lease could not be renewed'))
      .finally(() => {
        busy = false
      })
  }, everyMs)
  timer.unref()
  return {
    /** Holds still open then are free to be released by others. */
    async close() {
      clearInterval(timer)
      await running
      await leases.leave().catch((error: unknown) => log.warn({ err: error, reason: 'recovery' }, 'the lease runs out'))
    },
  }
}

/** One round; answers how many holds were released. */
export async function recover({ leases, ledger, log }: RecoverRooms): Promise<number> {
  await leases.renew()
  let holds = await ledger.tidy()
  for (const owner of await leases.gone()) holds += await ledger.recover(owner)
  if (holds > 0) log.warn({ holds, reason: 'recovered_release' }, 'holds that nobody owned any more were released')
  await leases.forget()
  return holds
}
