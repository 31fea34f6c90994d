import type { Logger } from 'pino'
import type { Leases } from '../ledger/leases.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { type Rounds, startRounds } from './rounds.ts'

export type RecoverRooms = {
  readonly leases: Leases
  readonly ledger: Ledger
  readonly log: Logger
  /** Well below the length of a lease, so that one or two failed rounds cost nobody a hold. */
  readonly everyMs?: number | undefined
}

export type Recovering = Rounds & {
  /** How many replicas served the database when it was last looked at. */
  replicas(): number
}

/**
 * Renews the lease of this replica and releases the holds of those whose lease is over, by whoever comes first.
 * The first round is over when it resolves. Throws StoreUnavailable then, and never later.
 */
export async function startRecovering(rooms: RecoverRooms): Promise<Recovering> {
  const { leases, log, everyMs = 10_000 } = rooms
  await recover(rooms)
  const failed = 'the lease could not be renewed'
  let replicas = await leases.alive()
  const round = async (): Promise<void> => {
    await recover(rooms)
    replicas = await leases.alive()
  }
  const rounds = startRounds(round, { everyMs, log, reason: 'recovery', failed })
  return {
    replicas: () => replicas,
    /** Holds still open then are free to be released by others. */
    async close() {
      await rounds.close()
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
