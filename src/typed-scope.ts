import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { ProblemName } from './errors.ts'

/** A door's part of the app; handlers get the types of their schemas. */
export type TypedScope = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  // What the description of the API reads of a route.
  interface FastifySchema {
    tags?: readonly string[]
    summary?: string
    description?: string
    operationId?: string
    /** What it may refuse beyond what every route of its door refuses. */
    problems?: readonly ProblemName[]
  }
}
