import { STATUS_CODES } from 'node:http'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import manifest from '../../package.json' with { type: 'json' }
import { type Described, headerRef, headersTold } from '../described.ts'
import type { ProblemName } from '../errors.ts'
import { doorOf, groups, intro, open, tags } from './doors.ts'
import { hoisted, withSharedRefusals } from './hoisted.ts'
import { sampleOf } from './sample.ts'

type Operation = Record<string, unknown>
type Route = {
  readonly method: string
  readonly path: string
  readonly operation: Described | undefined
  readonly problems: readonly ProblemName[]
}

/**
 * Watches the routes being made, so it comes before the doors; the answer is the OpenAPI document of all of them, once
 * the app is ready. It costs a call nothing: routes are read, and no hook runs with a request.
 */
export async function describing(app: FastifyInstance): Promise<() => Described> {
  const routes: Route[] = []
  app.addHook('onRoute', ({ url, method, schema, config }) => {
    for (const each of [method].flat()) {
      const path = url.replaceAll(/:(\w+)/g, '{$1}')
      routes.push({ method: each.toLowerCase(), path, operation: config?.operation, problems: schema?.problems ?? [] })
    }
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'Tollgate',
        version: manifest.version,
        description: intro,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'This house.' }],
      tags: [...tags],
      components: { securitySchemes, headers: { ...headersTold } },
    },
    convertConstToEnum: false,
    transform: ({ schema, url }) => ({ schema: schema?.operationId ? schema : { ...schema, hide: true }, url }),
  })
  return () => finished(app.swagger(), routes)
}

const securitySchemes = {
  accountKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'tg_live_... or tg_test_...',
    description: 'A key of an account; `tg_test_` keys are answered by the sandbox. `x-api-key` is taken as well.',
  },
  operatorKey: { type: 'http', scheme: 'bearer', bearerFormat: 'tg_admin_...', description: 'A key of an operator.' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: 'tollgate_session',
    description: 'What signing in at the dashboard sets; it stands in for the key it was made with.',
  },
  csrf: {
    type: 'apiKey',
    in: 'header',
    name: 'x-tollgate-csrf',
    description: "The session's `csrf`, with every request that has the cookie.",
  },
} as const

function finished(bare: object, routes: readonly Route[]): Described {
  const document = structuredClone(bare) as { paths: Record<string, Record<string, Operation>>; components: Operation }
  for (const { method, path, operation, problems } of routes) {
    const told = document.paths[path]?.[method]
    if (operation) document.paths[path] = { ...document.paths[path], [method]: { ...operation } }
    else if (told) complete(told, path, problems)
    else if (doorOf(path)) throw new Error(`${method} ${path} is not described`)
  }
  const sorted = Object.entries(document.paths).sort(([one], [other]) => placeOf(one) - placeOf(other))
  const whole = { ...document, 'x-tagGroups': groups, paths: Object.fromEntries(sorted) }
  return hoisted(
    withSharedRefusals(
      whole,
      sorted.flatMap(([, methods]) => Object.values(methods)),
    ),
  )
}

// As a reader meets them: what is sold first, what operators need last.
const order = ['/sd/v2beta', '/sd/', '/portal', '/admin']

function placeOf(path: string): number {
  const place = order.findIndex((prefix) => path.startsWith(prefix))
  return place === -1 ? order.length : place
}

/** Adds what every route of a door has in common, and examples made of those in the schemas. */
function complete(operation: Operation, path: string, problems: readonly ProblemName[]): void {
  const { security, refused } = doorOf(path) ?? open
  const hasBody = operation['requestBody'] !== undefined
  operation['security'] ??= security
  for (const parameter of [operation['parameters'] ?? []].flat()) optional(mapOf(parameter))
  const responses = mapOf(operation['responses'])
  for (const [status, response] of Object.entries(responses)) succeed(mapOf(response), status)
  if (problems.includes('precondition_failed')) versioned(operation, responses)
  if (problems.includes('idempotency_conflict')) add(operation, idempotencyKey)
  operation['responses'] = { ...responses, ...refused({ hasBody, hasId: path.includes('{'), problems }) }
  exemplify(mapOf(mapOf(operation['requestBody'])['content']))
}

/** Pages that try a call send every example there is, and a filter nobody asked for finds nothing. */
function optional(parameter: Operation): void {
  if (parameter['in'] === 'query') delete parameter['example']
  // Values of a query are text and checked as such; to a reader this one is a number.
  if (parameter['name'] === 'limit') parameter['schema'] = { type: 'integer', minimum: 1, maximum: 200, default: 50 }
}

const ifMatch = {
  ...{ name: 'if-match', in: 'header', description: 'Change only the version with this `etag`; else 412.' },
  schema: { type: 'string' },
}
const idempotencyKey = {
  ...{ name: 'idempotency-key', in: 'header', description: 'However often it is sent with this key, it happens once.' },
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

function add(operation: Operation, parameter: Described): void {
  const { parameters } = operation
  operation['parameters'] = [...(Array.isArray(parameters) ? parameters : []), parameter]
}

function versioned(operation: Operation, responses: Operation): void {
  add(operation, ifMatch)
  for (const response of Object.values(responses)) {
    mapOf(response)['headers'] = { ...mapOf(mapOf(response)['headers']), etag: headerRef('etag') }
  }
}

function succeed(response: Operation, status: string): void {
  if (response['description'] === 'Default Response') response['description'] = STATUS_CODES[status] ?? 'Done'
  response['headers'] = { 'x-request-id': headerRef('x-request-id'), ...mapOf(response['headers']) }
  exemplify(mapOf(response['content']))
}

function exemplify(content: Operation): void {
  for (const [type, media] of Object.entries(content)) {
    const { schema, example } = mapOf(media)
    if (example === undefined && type === 'application/json') mapOf(media)['example'] = sampleOf(schema)
  }
}

function mapOf(value: unknown): Operation {
  return typeof value === 'object' && value !== null ? (value as Operation) : {}
}
