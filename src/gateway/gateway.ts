import { hash } from 'node:crypto'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { bodies } from '../buffers.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Form, Offer, Part } from '../catalog/offer.ts'
import { Problem } from '../errors.ts'
import { openEntrance } from '../keys/entrance.ts'
import type { Identity, Keys } from '../keys/keys.ts'
import { RefusedAlongside } from '../ledger/ledger.ts'
import type { Bytes } from '../limits/bytes.ts'
import type { Failures } from '../limits/failures.ts'
import { rateAs, rateHooks, storeOf, type Windows } from '../limits/rate.ts'
import type { Slot, Slots } from '../limits/slots.ts'
import type { Metrics } from '../metrics.ts'
import type { KeyOfSession } from '../sessions/cookie.ts'
import type { Tracing } from '../tracing.ts'
import type { Forwarded, Parcel } from '../upstream/upstream.ts'
import { againOf, replayed } from './again.ts'
import { announcedBytes, bodyReader, tooLarge } from './body.ts'
import { type Rooms as SpineRooms, serveCall } from './call.ts'
import { type Accept, acceptOf, mayBuy } from './gate.ts'
import { operationOf, playgroundOf } from './operation.ts'
import { boundaryOf, type ReadOdd, readParts } from './parts.ts'
import { stabilityErrors } from './refusals.ts'
import { answer, receipt, refusal } from './reply.ts'
import { Visit } from './visit.ts'

export type GatewayRooms = Omit<SpineRooms, 'upstream' | 'queue'> & {
  readonly catalog: Catalog
  readonly keys: Keys
  readonly failures: Failures
  readonly windows: Windows
  readonly slots: Slots
  readonly bytes: Bytes
  readonly upstreams: Readonly<Record<'live' | 'test', Pick<SpineRooms, 'upstream' | 'queue'>>>
  readonly readOdd: ReadOdd
  readonly log: Logger
  /**
   * Where a session may pay as its key does: at paths that only the pages of the dashboard know. The paths that are sold
   * are never paid for by what a browser sends along by itself.
   */
  readonly keyOfSession?: KeyOfSession | undefined
  readonly metrics: Metrics
  readonly tracing: Tracing
  /** Hears of every call that went through the ledger; synchronous. */
  readonly noticed: (callId: string, key: Identity, outcome: string) => void
  /** Whether new paid calls are refused because the house is closing. */
  readonly closing: () => boolean
  /** Wraps the work of a call, so that a closing house can wait for it. */
  readonly working: <Result>(callId: string, work: Promise<Result>) => Promise<Result>
  readonly settings: {
    readonly rateLimit: { readonly calls: number; readonly windowMs: number }
    readonly bodyLimitBytes: number
  }
}

const visitOf = (request: FastifyRequest) => request.getDecorator<Visit>('visit')

/** The door for paid calls: one route per path of each offer, all behind the same gate. */
export async function gateway(scope: FastifyInstance, rooms: GatewayRooms): Promise<void> {
  const { catalog, settings } = rooms
  await scope.register(rateLimit, { global: false, enableDraftSpec: true, store: storeOf(rooms.windows) })
  const rates = rateHooks(scope, {
    key(request) {
      const { id, rate } = identityOf(request)
      return rate ? rateAs(id, rate) : { id, ...settings.rateLimit }
    },
    account(request) {
      const { accountId, mode, account } = identityOf(request)
      return account.rate && rateAs(`${accountId}:${mode}`, account.rate)
    },
  })
  scope.decorateRequest('visit', null)
  scope.setErrorHandler(stabilityErrors(rooms.log, visitOf))
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    '*',
    bodyReader(settings.bodyLimitBytes, {
      began: (request, upload) => visitOf(request).load?.awaits(upload),
      took: (request, bytes) => takeBytes(visitOf(request), bytes),
    }),
  )
  for (const offer of catalog.offers) {
    const hooks = [...opening(offer, rooms), ...rates, ...closingChecks(rooms)]
    for (const [index, url] of offer.paths.entries()) {
      // The other paths are the same operation.
      const told = rooms.keyOfSession ? playgroundOf(offer) : operationOf(offer)
      const config = index === 0 ? { operation: told } : {}
      scope.route({ method: offer.method, url, config, onRequest: hooks, handler: handler(offer, rooms) })
    }
  }
}

function identityOf(request: FastifyRequest): Identity {
  const { identity } = visitOf(request)
  if (!identity) throw new Error('asked for a key before the gate')
  return identity
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** Everything the gate asks before the rate is counted: the house open, the key good, and allowed here. */
function opening(offer: Offer, rooms: GatewayRooms): Hook[] {
  const admit = (request: FastifyRequest, identity: Identity): void => {
    visitOf(request).identity = identity
  }
  // The line of a call is built from chosen fields, and the net below them costs more than the line itself.
  const watchers = { log: rooms.log.child({}, { redact: [] }), metrics: rooms.metrics, tracing: rooms.tracing }
  const entrance = openEntrance(rooms, admit, (identity) => mayBuy(identity, offer))
  const begin: Hook = (request, reply, done) => {
    request.setDecorator('visit', new Visit(request, reply, offer, watchers))
    done(refusalOfAll(offer, rooms))
  }
  return [begin, entrance.enter]
}

/** Why nobody can buy this now. */
function refusalOfAll({ id, enabled }: Offer, { closing }: GatewayRooms): Problem | undefined {
  if (closing()) return new Problem('shutting_down')
  return enabled ? undefined : new Problem('not_found', { sentence: `${id} is not for sale at present.` })
}

/** What is asked last before a body byte is read: a slot, and a head this route can serve. */
function closingChecks({ slots, bytes, settings }: GatewayRooms): Hook[] {
  function check(request: FastifyRequest): undefined | Promise<void> {
    const slotsTaken = takeSlots(visitOf(request), identityOf(request))
    return slotsTaken ? slotsTaken.then(() => checkHead(request)) : checkHead(request)
  }

  function checkHead(request: FastifyRequest): undefined {
    acceptOf(request)
    readableType(request)
    const announced = announcedBytes(request.raw)
    if (announced !== undefined && announced > settings.bodyLimitBytes) throw tooLarge(settings.bodyLimitBytes)
    const visit = visitOf(request)
    visit.load = bytes.load()
    visit.atEnd(visit.load.giveBack)
    takeBytes(visit, announced ?? 0)
    visit.trace.at('body')
  }

  function takeSlots(visit: Visit, { id, accountId, mode, maxConcurrency, account }: Identity) {
    const ofKey = takeSlot(visit, id, maxConcurrency, 'key')
    const takeOfAccount = () => takeSlot(visit, `${accountId}:${mode}`, account.maxConcurrency, 'account')
    return ofKey ? ofKey.then(takeOfAccount) : takeOfAccount()
  }

  function takeSlot(visit: Visit, id: string, most: number | null, whose: string): undefined | Promise<void> {
    const slot = slots.take(id, most ?? Number.POSITIVE_INFINITY)
    if (slot instanceof Promise) return slot.then((shared) => keepSlot(visit, shared, most, whose))
    keepSlot(visit, slot, most, whose)
  }

  function keepSlot(visit: Visit, slot: Slot | undefined, most: number | null, whose: string): void {
    if (slot) visit.atEnd(slot.release)
    if (slot || most === null) return
    const sentence = `The ${whose} may have ${most} calls in flight at once.`
    throw new Problem('concurrency_limited', { sentence, details: { limit: most } })
  }

  return [
    (request, _reply, done) => {
      try {
        const waiting = check(request)
        if (waiting) waiting.then(() => done(), done)
        else done()
      } catch (error) {
        done(error as Error)
      }
    },
  ]
}

function takeBytes({ load }: Visit, bytes: number): void {
  if (load?.take(bytes) === false) {
    throw new Problem('busy', { sentence: 'The house holds as many bytes as it may; try again shortly.' })
  }
}

function readableType(request: FastifyRequest): void {
  let count = 0
  const { rawHeaders } = request.raw
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.length === 12 && rawHeaders[index]?.toLowerCase() === 'content-type') count++
  }
  const type = request.headers['content-type'] ?? ''
  if (count > 1 || !/^multipart\/form-data(\s*;|\s*$)/i.test(type)) {
    throw new Problem('bad_request', { errors: ['content-type: must be multipart/form-data'] })
  }
  if (request.headers['content-encoding'] !== undefined) {
    throw new Problem('bad_request', { errors: ['content-encoding: the body must be sent as it is'] })
  }
  boundaryOf(type)
}

function handler(offer: Offer, rooms: GatewayRooms) {
  const { live, test } = rooms.upstreams
  const byMode = { live: { ...rooms, ...live }, test: { ...rooms, ...test } }
  return (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const visit = visitOf(request)
    return rooms.working(
      visit.id,
      visit.handling(() => handle(request, reply, visit, offer, byMode)),
    )
  }
}

async function handle(
  request: FastifyRequest,
  reply: FastifyReply,
  visit: Visit,
  offer: Offer,
  byMode: Readonly<Record<'live' | 'test', GatewayRooms & SpineRooms>>,
) {
  const key = identityOf(request)
  const rooms = byMode[key.mode]
  const accept = acceptOf(request)
  const form = await formOf(request, rooms.readOdd)
  visit.bytesIn = form.bytes.length
  const faults = offer.check(form)
  if (faults.length > 0) throw new Problem('bad_request', { errors: faults })
  const again = againOf(request, key, offer, accept, form)
  const earlier = again && (await replayed(reply, again, rooms.replays))
  if (earlier) return sendKept(reply, visit, earlier)
  const parcel = { ...parcelOf(request, offer, key, accept, form), keeps: visit.load?.add }
  const gone = () => reply.raw.destroyed || !request.raw.socket.writable
  const onLeave = (work: () => void) => void (reply.raw.destroyed ? work() : reply.raw.once('close', work))
  const clientRequestId = clientRequestIdOf(request)
  const { id, trace } = visit
  const call = { id, key, offer, wanted: { accept, form }, parcel, clientRequestId, again, gone, onLeave, trace }
  try {
    visit.served = await serveCall(call, rooms)
  } catch (error) {
    // Two requests with one Idempotency-Key came at once, and the other one was first.
    if (!again || !(error instanceof RefusedAlongside)) throw error
    const first = await replayed(reply, again, rooms.replays)
    if (!first) throw new Problem('idempotency_in_progress', { retryAfterSeconds: 1 })
    return sendKept(reply, visit, first)
  }
  rooms.noticed(visit.id, key, visit.served.outcome.outcome)
  trace.at('reply')
  receipt(reply, visit.served, key.mode)
  const { outcome, forwarded } = visit.served
  // By then the operating system has all of the reply.
  reply.raw.once('finish', () => giveBack(form, forwarded))
  if (outcome.refusal) return reply.send(refusal(reply, visit.id, outcome.refusal))
  return reply.send(answer(reply, visit.served))
}

function giveBack({ bytes }: Form, { answer, bodyOut }: Forwarded): void {
  bodies.giveBack(answer.body)
  if (bodyOut) bodies.giveBack(bytes)
}

function sendKept(reply: FastifyReply, { load }: Visit, bytes: Buffer): FastifyReply {
  load?.add(bytes.length)
  return reply.send(bytes)
}

/** Where a well-known client puts the caller's key; the upstream must not see it. */
const overriddenPart = 'api_key_override'

async function formOf(request: FastifyRequest, readOdd: ReadOdd): Promise<Form> {
  const bytes = request.body
  if (!Buffer.isBuffer(bytes)) throw new Problem('bad_request', { errors: ['body: is missing'] })
  const read = readParts(bytes, request.headers['content-type'] ?? '', readOdd)
  const parts: readonly Part[] = Array.isArray(read) ? read : await read
  for (const { name, start, end } of parts) if (name === overriddenPart) bytes.fill('x', start, end)
  return { bytes, parts }
}

function parcelOf({ headers }: FastifyRequest, offer: Offer, key: Identity, accept: Accept, { bytes }: Form): Parcel {
  const one = (value: string | string[] | undefined) => (typeof value === 'string' ? value : undefined)
  return {
    path: offer.path,
    body: bytes,
    accept,
    contentType: headers['content-type'] ?? '',
    contentLength: bytes.length,
    clientId: one(headers['stability-client-id']),
    clientVersion: one(headers['stability-client-version']),
    userId: pseudonymOf(key.accountId),
  }
}

// Account ids are random, so their digest is stable and cannot be guessed back.
function pseudonymOf(accountId: string): string {
  return hash('sha256', `tollgate user ${accountId}`, 'hex').slice(0, 32)
}

function clientRequestIdOf({ headers }: FastifyRequest): string | null {
  const id = headers['x-request-id']
  return typeof id === 'string' && /^[\w.:/+=@-]{1,128}$/.test(id) ? id : null
}
