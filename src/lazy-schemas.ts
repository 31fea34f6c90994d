import ajvCompiler from '@fastify/ajv-compiler'
import serializerSelector from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'
import type { FastifyValidationResult } from 'fastify/types/schema.js'

const validators = ajvCompiler()
const serializers = serializerSelector()

/**
 * Fastify's own compilers, asked for a schema when the first request needs it: compiling those of all doors would be most
 * of a start, and few of them are opened soon.
 */
export const lazySchemas = {
  buildValidator(...given: Parameters<typeof validators>) {
    const compile = validators(...given)
    return (...route: Parameters<typeof compile>) => lazyValidator(() => compile(...route) as FastifyValidationResult)
  },

  buildSerializer(...given: Parameters<typeof serializers>) {
    const compile = serializers(...given)
    return (route: Parameters<typeof compile>[0]) => {
      let ready: ReturnType<typeof compile> | undefined
      return (data: unknown) => {
        ready ??= compile(route)
        return ready(data)
      }
    }
  },
} as NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

function lazyValidator(compile: () => FastifyValidationResult): FastifyValidationResult {
  let ready: FastifyValidationResult | undefined
  const validate: FastifyValidationResult = (data) => {
    ready ??= compile()
    const verdict = ready(data)
    // Where Fastify looks for what was wrong.
    validate.errors = ready.errors ?? null
    return verdict
  }
  return validate
}
