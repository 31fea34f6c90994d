import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import { digestOf } from '../keys/key.ts'
import { type OperatorEntranceRooms, openOperatorEntrance } from '../operators/entrance.ts'
import type { Operator } from '../operators/operators.ts'
import type { KeyOfSession } from '../sessions/cookie.ts'

export type GuardRooms = OperatorEntranceRooms & {
  /** Where a session may stand in for a key; a request with both is one with a key. */
  readonly keyOfSession?: KeyOfSession | undefined
}

/** Who is signed in at the admin door. */
export function operatorOf(request: FastifyRequest): Operator {
  return request.getDecorator<Operator>('operator')
}

/** Lets operators in; a viewer may look and change nothing. */
export function openGuard(rooms: GuardRooms) {
  const entrance = openOperatorEntrance(rooms)

  function whoAsks(request: FastifyRequest): Promise<Operator> {
    const { authorization } = request.headers
    const session = authorization === undefined ? rooms.keyOfSession?.(request) : undefined
    if (session) return session.then((digest) => entrance.show(request, digest, 'session'))
    const secret = /^bearer\s+(\S+)\s*$/i.exec(authorization ?? '')?.[1]
    return entrance.show(request, secret === undefined ? undefined : digestOf(secret), 'try')
  }

  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const operator = await whoAsks(request)
    if (operator.role === 'viewer' && request.method !== 'GET') {
      throw new Problem('forbidden', { sentence: 'A viewer may look, and change nothing.' })
    }
    request.setDecorator('operator', operator)
  }
}
