import type { FastifyInstance } from 'fastify'
import { Problem } from '../errors.ts'
import { built } from './built.ts'
import { type SessionRooms, session } from './session.ts'

export type DashboardRooms = SessionRooms

const folder = new URL('../../dist/dashboard/', import.meta.url)

/** The door for browsers: signing in, and the pages, which do the rest at the admin and portal doors. */
export async function dashboard(scope: FastifyInstance, rooms: DashboardRooms): Promise<void> {
  // Whoever types only the address of the house is shown something; what is no browser finds nothing here.
  scope.get('/', { schema: { hide: true } }, async ({ headers }, reply) => {
    if (headers.accept?.includes('text/html')) return reply.redirect('dashboard/')
    throw new Problem('not_found')
  })
  scope.register(session, { prefix: '/dashboard', ...rooms })
  scope.register(built, { prefix: '/dashboard', folder })
}
