import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'

const none = Type.Object({}, { additionalProperties: false })

/** A route of this scope that tells of no query takes none, so that a misspelt wish is refused and not overlooked. */
export function knownQueriesOnly(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    route.schema = { querystring: none, ...route.schema }
  })
}
