import type { Logger } from 'pino'
import { type Rounds, startRounds } from './rounds.ts'

/** Well within the two seconds in which a change made at one replica has to be felt at all. */
const everyMs = 1000

/** Reads again and again what other replicas may have changed; a reading that fails is left to the next. */
export function startRefreshing(read: () => Promise<unknown>, log: Logger): Rounds {
  return startRounds(read, { everyMs, log, reason: 'refresh', failed: 'changes made elsewhere cannot be read' })
}
