import { createHash, randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import multipart from '@fastify/multipart'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { faultIn, type Misbehaviour, Refusal } from './sandbox-fault.ts'
import { largestSeed, type Order, readOrder } from './sandbox-form.ts'
import type { Wish } from './sandbox-picture.ts'
import { openStudio, type Studio } from './sandbox-studio.ts'

export type SandboxOptions = {
  readonly host?: string
  /** 0 picks a free one. */
  readonly port?: number
  /** The only bearer taken; without it any bearer is. */
  readonly token?: string
  /** How long `sandbox:slow` takes, in milliseconds. */
  readonly slowMs?: number
}

export type Sandbox = { readonly origin: string; close(): Promise<void> }

type Painted = { readonly picture: Buffer; readonly type: string; readonly finishReason: string; readonly seed: number }
type Body = { readonly head: Readonly<Record<string, string>>; readonly bytes: Buffer }

const corePath = '/v2beta/stable-image/generate/core'
const coreCredits = 3
const bodyLimitBytes = 10 * 1024 * 1024
// As much as the picture can ever show; the whole prompt still decides what is drawn.
const captionLength = 500

/**
 * Opens a stand-in for Stability AI's Stable Image Core (v2beta reference): same checks, answers and error shape,
 * with a drawn picture instead of a generated one, and every fault a prompt asks for as `sandbox:<fault>`.
 * `close()` ends at once and cuts the calls still open. Nothing is logged.
 * @throws what `listen` throws, such as EADDRINUSE.
 */
export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host = '127.0.0.1', port = 0, token, slowMs = 10_000 } = options
  const studio = openStudio()
  const closing = new AbortController()
  const app = newServer(token)
  const purse = { credits: 1_000_000 }
  app.get('/v1/user/balance', () => purse)
  app.post(corePath, async (request, reply) => {
    const order = await readOrder(request)
    const fault = faultIn(order.prompt)
    if (fault === '502') return reply.code(502).type('text/html').send(errorPage)
    if (fault === 'silent' || fault === 'reset') return breakOff(reply, fault)
    if (fault === 'slow') await sleep(slowMs, undefined, { signal: closing.signal })
    const painted = await fulfil(order, fault, studio)
    purse.credits -= coreCredits
    const body = order.json ? asJson(painted) : asImage(painted)
    return fault === 'truncated' ? sendHalf(reply, body) : reply.headers(body.head).send(body.bytes)
  })

  async function close(): Promise<void> {
    app.server.closeAllConnections()
    closing.abort()
    await Promise.all([studio.close(), app.close()])
  }

  const origin = await app.listen({ host, port })
  return { origin, close }
}

function newServer(token: string | undefined): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: 60_000,
    forceCloseConnections: true,
    genReqId: () => randomBytes(16).toString('hex'),
    frameworkErrors: (_error, request, reply) => refuse(request, reply, nowhere()),
  })
  app.removeAllContentTypeParsers()
  app.register(multipart, { limits: { fieldSize: 1024 * 1024, fileSize: bodyLimitBytes, parts: 200 } })
  // Any other body is left unread: the handler says what is wrong with its type.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    checkHead(request, token)
  })
  app.setErrorHandler((error, request, reply) => refuse(request, reply, error))
  app.setNotFoundHandler((request, reply) => refuse(request, reply, nowhere()))
  return app
}

// Before the routes are looked at: the vendor answers a stranger with 401 at unknown paths too.
function checkHead({ headers }: FastifyRequest, token: string | undefined): void {
  const bearer = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (bearer === undefined || (token !== undefined && bearer !== token)) {
    throw new Refusal(401, 'unauthorized', ['authorization: invalid or missing header value'])
  }
  if (Number(headers['content-length'] ?? 0) > bodyLimitBytes) {
    throw new Refusal(413, 'payload_too_large', [`body: must be at most ${bodyLimitBytes} bytes`])
  }
}

function nowhere(): Refusal {
  return new Refusal(404, 'not_found', ['There is nothing at this address.'])
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  // Fastify refuses a media type it cannot even parse before any handler sees it.
  const unreadable = error instanceof Error && 'statusCode' in error && error.statusCode === 415
  if (unreadable) return new Refusal(400, 'bad_request', ['content-type: must be multipart/form-data'])
  return new Refusal(500, 'internal_error', ['The sandbox failed.'], { cause: error })
}

function refuse({ id }: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const { status, slug, errors, retryAfterSeconds } = asRefusal(error)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  // The vendor's 429 carries its name where every other error has an id.
  reply.code(status).send({ id: status === 429 ? slug : id, name: slug, errors })
}

async function fulfil(order: Order, fault: Misbehaviour | undefined, studio: Studio): Promise<Painted> {
  const seed = order.seed || randomInt(1, largestSeed + 1)
  const filtered = fault === 'filtered'
  const picture = await studio.paint(wishFor(order, seed, filtered))
  return { picture, type: `image/${order.format}`, finishReason: filtered ? 'CONTENT_FILTERED' : 'SUCCESS', seed }
}

function wishFor({ prompt, negativePrompt, style, ratio, format }: Order, seed: number, blurred: boolean): Wish {
  const theme = createHash('sha256')
    .update(JSON.stringify([prompt, negativePrompt, style, seed]))
    .digest('base64url')
  const footer = ['sandbox', `seed ${seed}`, ratio, style].filter((word) => word !== '').join(' · ')
  const letters = [...prompt]
  const caption = letters.length > captionLength ? `${letters.slice(0, captionLength).join('').trimEnd()} …` : prompt
  return { theme, caption, footer, ratio, format, blurred }
}

function asImage({ picture, type, finishReason, seed }: Painted): Body {
  return { head: { 'content-type': type, 'finish-reason': finishReason, seed: String(seed) }, bytes: picture }
}

function asJson({ picture, type, finishReason, seed }: Painted): Body {
  const text = JSON.stringify({ image: picture.toString('base64'), finish_reason: finishReason, seed })
  return { head: { 'content-type': `application/json; type=${type}` }, bytes: Buffer.from(text) }
}

const errorPage = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n'

function breakOff(reply: FastifyReply, fault: 'silent' | 'reset'): FastifyReply {
  reply.hijack()
  if (fault === 'reset') reply.raw.socket?.resetAndDestroy()
  return reply
}

function sendHalf(reply: FastifyReply, { head, bytes }: Body): FastifyReply {
  reply.hijack()
  const { raw, request } = reply
  raw.writeHead(200, { ...head, 'x-request-id': request.id, 'content-length': bytes.length })
  raw.write(bytes.subarray(0, bytes.length / 2), () => raw.socket?.destroySoon())
  return reply
}
