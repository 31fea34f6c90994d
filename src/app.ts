import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import { type AdminRooms, admin } from './admin/admin.ts'
import { Problem } from './errors.ts'
import { holdContinue } from './gateway/body.ts'
import { type GatewayRooms, gateway } from './gateway/gateway.ts'
import { type LookAlikeRooms, lookAlikes } from './gateway/look-alikes.ts'
import { stabilityErrors } from './gateway/refusals.ts'
import { newId } from './ids.ts'
import { problemJson, problemJsonErrors } from './problem-json.ts'
import { allowedMethods } from './routes.ts'

export type AppRooms = {
  readonly gateway: GatewayRooms & LookAlikeRooms
  readonly admin: AdminRooms
  readonly log: Logger
  /** Null when calls can be served, else why not. */
  readonly unready: () => Promise<string | null>
  readonly paid: () => 'ok' | 'no_token' | 'sandbox'
  readonly settings: {
    readonly requestTimeoutMs: number
    readonly trustProxy: boolean | string | ((address: string, hop: number) => boolean)
  }
}

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
    clientErrorHandler,
    frameworkErrors: (error, request, reply) => problemJsonErrors(log)(error, request, reply),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: true } },
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply
      .header('x-request-id', request.id)
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
    done()
  })
  const allow = allowedMethods(app)
  const unknown = (request: FastifyRequest) => {
    const methods = allow(request.url)
    if (methods.length === 0) throw new Problem('not_found')
    throw new Problem('method_not_allowed', { headers: { allow: methods.join(', ') } })
  }
  app.setErrorHandler(problemJsonErrors(log))
  app.setNotFoundHandler(unknown)
  for (const prefix of ['/sd', '/v2beta']) {
    app.register(
      async (scope) => {
        scope.setErrorHandler(stabilityErrors(log))
        scope.setNotFoundHandler(unknown)
      },
      { prefix },
    )
  }
  app.register(gateway, rooms.gateway)
  app.register(lookAlikes, rooms.gateway)
  app.register(admin, { prefix: '/admin/v1', ...rooms.admin })
  app.register(async (scope) => health(scope, rooms))
  return app
}

function health(scope: FastifyInstance, { unready, paid }: AppRooms): void {
  scope.get('/health', async () => ({ status: 'ok' }))
  scope.get('/ready', async (_request, reply) => {
    const reason = await unready()
    if (reason !== null) reply.code(503).header('retry-after', 1)
    return { status: reason === null ? 'ready' : 'not_ready', ...(reason === null ? {} : { reason }), paid: paid() }
  })
}

/** Heads and bodies have to be complete in time, and `Expect: 100-continue` waits for the gate. */
function openServer(handler: RequestListener, requestTimeoutMs: number): Server {
  const options = {
    requestTimeout: requestTimeoutMs,
    headersTimeout: Math.ceil(requestTimeoutMs / 3),
    connectionsCheckingInterval: 500,
    keepAliveTimeout: 65_000,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
  }
  const server = createServer(options, handler)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    holdContinue(request, response)
    handler(request, response)
  })
  return server
}

// A request that cannot be parsed never reaches a door, so its answer is written here.
function clientErrorHandler(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = new Problem(
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'request_timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'headers_too_large'
        : 'bad_request',
  )
  const id = newId('call')
  const body = JSON.stringify({ ...problemJson(problem, id), id, errors: problem.errors })
  const head = [
    `HTTP/1.1 ${problem.status} ${reasonPhrases[problem.status] ?? 'Error'}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...['cache-control: no-store', 'x-content-type-options: nosniff', `x-request-id: ${id}`, 'connection: close'],
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

const reasonPhrases: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}
