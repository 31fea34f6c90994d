import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Described } from '../described.ts'

// The page may load nothing from elsewhere and talk to this house only; its styles are set by script.
const policy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:"],
  ...["font-src 'self' data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ')

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tollgate API</title>
    <link rel="icon" href="data:,">
  </head>
  <body>
    <div id="app"></div>
    <script src="scalar.js"></script>
    <script src="start.js"></script>
  </body>
</html>
`

/** Everything that would leave this house is off: fonts, telemetry, the proxy, the assistant, links to an outer client. */
const configuration = {
  url: '../openapi.json',
  ...{ withDefaultFonts: false, telemetry: false, hideClientButton: true, showDeveloperTools: 'never' },
  ...{ agent: { disabled: true }, mcp: { disabled: true }, persistAuth: false, documentDownloadType: 'json' },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  authentication: { preferredSecurityScheme: 'accountKey' },
}
const start = `Scalar.createApiReference('#app', ${JSON.stringify(configuration)})\n`

const hidden = { schema: { hide: true } }

type Served = { readonly type: string; readonly tag: string; readonly zipped: Buffer }

/** `GET /openapi.json` and the pages that show it, for everybody: there is no secret in them. */
export async function docs(scope: FastifyInstance, { document }: { readonly document: () => Described }) {
  const once = (type: string, text: () => string | Promise<string>) => {
    let served: Promise<Served> | undefined
    return async (request: FastifyRequest, reply: FastifyReply) => {
      served ??= Promise.resolve(text()).then((each) => zippedOf(type, each))
      return send(request, reply, await served)
    }
  }
  scope.get(
    '/openapi.json',
    hidden,
    once('application/json; charset=utf-8', () => JSON.stringify(document(), null, 2)),
  )
  scope.get('/docs', hidden, (_request, reply) => reply.redirect('docs/'))
  scope.get(
    '/docs/',
    hidden,
    once('text/html; charset=utf-8', () => page),
  )
  scope.get(
    '/docs/start.js',
    hidden,
    once('text/javascript; charset=utf-8', () => start),
  )
  scope.get('/docs/scalar.js', hidden, once('text/javascript; charset=utf-8', bundle))
}

async function zippedOf(type: string, text: string): Promise<Served> {
  const zipped = await promisify(gzip)(text)
  return { type, tag: `"${hash('sha256', text, 'hex').slice(0, 32)}"`, zipped }
}

async function send({ headers }: FastifyRequest, reply: FastifyReply, { type, tag, zipped }: Served) {
  reply.header('cache-control', 'no-cache').header('etag', tag).header('vary', 'accept-encoding')
  reply.header('content-security-policy', policy).header('referrer-policy', 'no-referrer')
  if (headers['if-none-match']?.includes(tag)) return reply.code(304).send()
  reply.type(type)
  if (/\bgzip\b/.test(headers['accept-encoding'] ?? '')) return reply.header('content-encoding', 'gzip').send(zipped)
  return reply.send(await promisify(gunzip)(zipped))
}

/** The page's script, which its package hands out only as a route; read when the page is first asked for. */
async function bundle(): Promise<string> {
  const { default: reference } = await import('@scalar/fastify-api-reference')
  const app = Fastify()
  await app.register(reference, { routePrefix: '/docs', configuration: { url: '/' } })
  const { body } = await app.inject('/docs/js/scalar.js')
  await app.close()
  return body
}
