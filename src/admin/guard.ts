import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { digestOf } from '../keys/key.ts'
import type { Failures } from '../limits/failures.ts'
import type { Operator, Operators } from '../operators/operators.ts'
import { inside, type Subnet } from '../subnets.ts'

export type GuardRooms = {
  readonly operators: Operators
  readonly failures: Failures
  readonly adminAllowIps: readonly Subnet[] | undefined
}

/** Who is signed in at the admin door. */
export function operatorOf(request: FastifyRequest): Operator {
  return request.getDecorator<Operator>('operator')
}

/** Lets operators in, from allowed addresses only; a viewer may look and change nothing. */
export function openGuard({ operators, failures, adminAllowIps }: GuardRooms) {
  const allowed = adminAllowIps ? inside(adminAllowIps) : () => true

  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    if (!allowed(request.ip)) throw new Problem('forbidden', { sentence: 'The admin API is closed to this address.' })
    const secret = /^bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1]
    const operator = secret === undefined ? undefined : await operators.find(digestOf(secret))
    if (!operator) throw refused(failures.note(request.ip), secret === undefined)
    if (operator.role === 'viewer' && request.method !== 'GET') {
      throw new Problem('forbidden', { sentence: 'A viewer may look, and change nothing.' })
    }
    request.setDecorator('operator', operator)
  }
}

function refused(waitSeconds: number | undefined, missing: boolean): Problem {
  if (waitSeconds === undefined) {
    const ask = 'Send an operator key in the authorization header: Bearer tg_admin_...'
    return new Problem('unauthorized', { sentence: missing ? ask : 'This operator key is not valid.' })
  }
  const sentence = `Too many failed sign-ins from this address; wait ${waitSeconds} seconds.`
  return new Problem('rate_limited', { sentence, retryAfterSeconds: waitSeconds })
}
