import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { inside, type Subnet } from '../subnets.ts'
import type { Operator, Operators } from './operators.ts'

export type OperatorEntranceRooms = {
  readonly operators: Operators
  readonly failures: {
    /** Counts a failed sign-in from an address; answers the seconds to wait once there were too many. */
    note(address: string): number | undefined
  }
  readonly adminAllowIps: readonly Subnet[] | undefined
}

const ask = 'Send an operator key in the authorization header: Bearer tg_admin_...'

/** The sign-in of operators, shared by every door that takes them: with a good key, and from allowed addresses only. */
export function openOperatorEntrance({ operators, failures, adminAllowIps }: OperatorEntranceRooms) {
  const allowed = adminAllowIps ? inside(adminAllowIps) : () => true

  /** Who has the key behind a digest. Throws Problem; a failure is counted if it is a try. */
  async function show({ ip }: FastifyRequest, digest: string | undefined, as: 'try' | 'session'): Promise<Operator> {
    if (!allowed(ip)) throw new Problem('forbidden', { sentence: 'The admin API is closed to this address.' })
    const operator = digest === undefined ? undefined : await operators.find(digest)
    if (operator) return operator
    const over = 'The session has ended with its key; sign in again.'
    if (as === 'session') throw new Problem('unauthorized', { sentence: over })
    throw refused(failures.note(ip), digest === undefined)
  }

  return { show }
}

function refused(waitSeconds: number | undefined, missing: boolean): Problem {
  if (waitSeconds === undefined) {
    return new Problem('unauthorized', { sentence: missing ? ask : 'This operator key is not valid.' })
  }
  const sentence = `Too many failed sign-ins from this address; wait ${waitSeconds} seconds.`
  return new Problem('rate_limited', { sentence, retryAfterSeconds: waitSeconds })
}
