import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import { Type } from 'typebox'
import { type AdminRooms, admin } from './admin/admin.ts'
import {
  brokenRequests,
  brokenUpload,
  endsConnection,
  faultInHead,
  grantContinue,
  onBrokenUpload,
  openServer,
} from './connections.ts'
import { type DashboardRooms, dashboard } from './dashboard/dashboard.ts'
import { docs } from './docs/docs.ts'
import { describing } from './docs/openapi.ts'
import { Problem } from './errors.ts'
import { everyReply } from './every-reply.ts'
import { type GatewayRooms, gateway } from './gateway/gateway.ts'
import { type LookAlikeRooms, lookAlikes } from './gateway/look-alikes.ts'
import { stabilityErrors } from './gateway/refusals.ts'
import { newId } from './ids.ts'
import { lazySchemas } from './lazy-schemas.ts'
import { boundCrowd, mostCallers } from './limits/crowd.ts'
import { type PortalRooms, portal } from './portal/portal.ts'
import { problemJsonErrors } from './problem-json.ts'
import { allowedMethods } from './routes.ts'
import { type ScrapeRooms, scrape } from './scrape/scrape.ts'
import { watchReader } from './standstill.ts'
import type { Tracing } from './tracing.ts'

export type AppRooms = {
  readonly gateway: GatewayRooms & LookAlikeRooms
  readonly admin: AdminRooms
  readonly portal: PortalRooms
  readonly dashboard: DashboardRooms
  readonly scrape: ScrapeRooms
  readonly tracing: Tracing
  readonly log: Logger
  /** Null when calls can be served, else why not. */
  readonly unready: () => Promise<string | null>
  readonly paid: () => 'ok' | 'no_token' | 'sandbox'
  readonly settings: {
    readonly requestTimeoutMs: number
    readonly trustProxy: boolean | string | ((address: string, hop: number) => boolean)
  }
}

/** Where callers expect the upstream's error dialect. */
const paidPrefixes = ['/sd', '/v2beta']

/** One Fastify instance out of given rooms: request ids, error handlers, the doors. */
export async function openApp(rooms: AppRooms): Promise<FastifyInstance> {
  const { settings, log } = rooms
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => openServer(handler, settings.requestTimeoutMs),
    loggerInstance: log as FastifyBaseLogger,
    // One line per call is written at its end; Fastify's own would double it.
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger,
    genReqId: () => newId('call'),
    trustProxy: settings.trustProxy,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    // The doors say it in their own words, with Retry-After.
    return503OnClosing: false,
    clientErrorHandler: brokenRequests(log),
    frameworkErrors: illegiblePaths(log),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
    schemaController: { compilersFactory: lazySchemas },
  })
  boundCrowd(app.server, mostCallers(), log)
  // It sees the routes that are made after it.
  if (rooms.tracing.plugin) app.register(rooms.tracing.plugin)
  const unknown = unknownOf(allowedMethods(app))
  const document = await describing(app)
  addHooks(app, unknown)
  app.setErrorHandler(problemJsonErrors(log))
  app.setNotFoundHandler((request) => Promise.reject(unknown(request)))
  for (const prefix of paidPrefixes) {
    app.register(
      async (scope) => {
        scope.setErrorHandler(stabilityErrors(log))
        scope.setNotFoundHandler((request) => Promise.reject(unknown(request)))
      },
      { prefix },
    )
  }
  app.register(gateway, rooms.gateway)
  app.register(lookAlikes, rooms.gateway)
  app.register(admin, { prefix: '/admin/v1', ...rooms.admin })
  app.register(portal, { prefix: '/portal/v1', ...rooms.portal })
  app.register(dashboard, rooms.dashboard)
  app.register(gateway, { prefix: '/dashboard/playground', ...rooms.gateway, keyOfSession: rooms.portal.keyOfSession })
  app.register(async (scope) => health(scope, rooms))
  app.register(docs, { document })
  app.register(scrape, rooms.scrape)
  return app
}

/** A path that cannot be decoded belongs to no door, and no hook has run for it. */
function illegiblePaths(log: Logger) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    mark(request, reply)
    const paid = paidPrefixes.some((prefix) => request.url.startsWith(`${prefix}/`))
    const answer = paid ? stabilityErrors(log) : problemJsonErrors(log)
    answer(error, request, reply)
  }
}

type Unknown = (request: FastifyRequest) => Problem

function unknownOf(allow: (url: string) => readonly string[]): Unknown {
  return ({ url }) => {
    const methods = allow(url)
    if (methods.length === 0) return new Problem('not_found')
    return new Problem('method_not_allowed', { headers: { allow: methods.join(', ') } })
  }
}

/** What holds for every request whatever its door: a head that can be trusted, a body that may break, a reader who may stop. */
function addHooks(app: FastifyInstance, unknown: Unknown): void {
  app.addHook('onRequest', (request, reply, done) => {
    mark(request, reply)
    const fault = faultInHead(request.raw)
    if (fault !== undefined) done(new Problem('bad_request', { errors: [fault] }))
    // What nobody answers is refused before its body is read.
    else done(request.is404 ? unknown(request) : undefined)
  })
  app.addHook('preParsing', (request, reply, payload, done) => {
    const fault = brokenUpload(request.raw)
    if (fault) return done(fault)
    onBrokenUpload(request.raw, (problem) => void reply.send(problem))
    grantContinue(request.raw)
    done(null, payload)
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    if (endsConnection(request.raw)) reply.header('connection', 'close')
    watchReader(reply.raw)
    done(null, payload)
  })
}

/** What every reply carries. */
function mark({ id }: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', id).headers(everyReply)
}

const Healthy = Type.Object({ status: Type.String({ examples: ['ok'] }) })
const Ready = Type.Object(
  {
    status: Type.String({ description: '`ready` or `not_ready`.', examples: ['ready'] }),
    reason: Type.Optional(Type.String({ description: 'Why not.', examples: ['database'] })),
    paid: Type.String({ description: '`ok`, `no_token` or `sandbox`: what live keys can expect.', examples: ['ok'] }),
  },
  { title: 'Readiness' },
)
const alive = { tags: ['health'], operationId: 'getHealth', summary: 'Whether the process lives' }
const able = { tags: ['health'], operationId: 'getReady', summary: 'Whether calls can be served' }

function health(scope: FastifyInstance, { unready, paid }: AppRooms): void {
  scope.get('/health', { schema: { ...alive, response: { 200: Healthy } } }, async () => ({ status: 'ok' }))
  scope.get('/ready', { schema: { ...able, response: { 200: Ready, 503: Ready } } }, async (_request, reply) => {
    const reason = await unready()
    if (reason !== null) reply.code(503).header('retry-after', 1)
    return { status: reason === null ? 'ready' : 'not_ready', ...(reason === null ? {} : { reason }), paid: paid() }
  })
}
