/** The rooms a paid call walks through, each opened alone, so that one step can be run again and again. */
import { once } from 'node:events'
import { ServerResponse } from 'node:http'
import { join } from 'node:path'
import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { pino } from 'pino'
import { openAccounts } from '../../src/accounts/accounts.ts'
import type { Wanted } from '../../src/catalog/offer.ts'
import { core } from '../../src/catalog/stable-image.ts'
import { loadConfig } from '../../src/config.ts'
import { millionths } from '../../src/credits.ts'
import type { Served } from '../../src/gateway/call.ts'
import { readParts } from '../../src/gateway/parts.ts'
import { answer, receipt } from '../../src/gateway/reply.ts'
import { Visit } from '../../src/gateway/visit.ts'
import { openEntrance } from '../../src/keys/entrance.ts'
import { digestOf } from '../../src/keys/key.ts'
import { type Identity, openKeys } from '../../src/keys/keys.ts'
import { openBytes } from '../../src/limits/bytes.ts'
import { openPace } from '../../src/limits/pace.ts'
import { openQueue } from '../../src/limits/queue.ts'
import { openWindows, rateHooks, storeOf } from '../../src/limits/rate.ts'
import { openSlots } from '../../src/limits/slots.ts'
import { openLog } from '../../src/log.ts'
import { openMetrics } from '../../src/metrics.ts'
import { openStore } from '../../src/store/open.ts'
import { openTracing } from '../../src/tracing.ts'
import { mostConnections } from '../../src/upstream/pool.ts'
import { openTokens } from '../../src/upstream/tokens.ts'
import { openTurns, type Turn } from '../../src/upstream/turns.ts'
import { type Forwarded, openUpstream } from '../../src/upstream/upstream.ts'
import { startUpstream } from './crew.ts'
import { type AnswerKind, formOf, formType, generatePath, workloads } from './parcels.ts'

export type Rooms = Awaited<ReturnType<typeof openRooms>>

const endless = { calls: 9_999_999, windowMs: 1000 }

export async function openRooms(folder: string) {
  const house = await openGate(folder)
  const [small, picture] = [await openExit('small'), await openExit('picture')]
  const smallForm = formOf(600)
  const largeForm = formOf(Math.max(...workloads.map(({ formBytes }) => formBytes)))
  const wantedOf = (accept: Wanted['accept']): Wanted => ({
    accept,
    form: { bytes: smallForm, parts: partsOf(smallForm) },
  })
  const [json, image] = [wantedOf('application/json'), wantedOf('image/*')]
  const settings = { chargeFiltered: true, cleanse: (text: string) => text }
  const [forwarded, drawn] = [await small.forward(), await picture.forward()]
  const served = servedBy(forwarded, json)
  const metrics = openMetrics()
  const log = pino.destination({ dest: join(folder, 'house.log'), sync: false, minLength: 1 })
  const tracing = await openTracing(undefined, 'bench', () => undefined)
  const lines = openLog('info', false, log).child({}, { redact: [] })
  const watchers = { log: lines, metrics, tracing }

  function logLine(): void {
    const { request, reply, identity } = house
    const raw = new ServerResponse(request.raw)
    Object.defineProperties(raw, { headersSent: { value: true }, writableFinished: { value: true } })
    const ownReply: FastifyReply = Object.create(reply, { raw: { value: raw } })
    const visit = new Visit(request, ownReply, core, watchers)
    Object.assign(visit, { identity, served, bytesIn: smallForm.length })
    raw.emit('close')
  }

  async function close(): Promise<void> {
    await Promise.all([house.close(), small.close(), picture.close()])
    log.end()
    await once(log, 'close')
  }

  return {
    ...{ smallForm, largeForm, close, logLine },
    enter: house.enter,
    rateAndSlots: house.rateAndSlots,
    queueAndBytes: small.queueAndBytes,
    forward: small.forward,
    peek: (bytes: Buffer) => void core.check({ bytes, parts: partsOf(bytes) }),
    judgeSmall: () => void core.judge(forwarded, json, settings),
    judgePicture: () => void core.judge(drawn, image, settings),
    reply() {
      receipt(house.reply, served, 'live')
      answer(house.reply, served)
    },
    metrics() {
      metrics.callBegan()
      metrics.turnCame(0)
      const end = { offer: core.id, mode: 'live', outcome: 'succeeded', refusal: undefined, act: undefined } as const
      metrics.callEnded({ ...end, ms: 12, upstream: forwarded, mayBill: false, chargedMillionths: 3_000_000 })
    },
  }
}

function partsOf(bytes: Buffer) {
  const parts = readParts(bytes, formType, () => Promise.reject(new Error('the form is odd')))
  if (parts instanceof Promise) throw new Error('the form is odd')
  return parts
}

function servedBy(forwarded: Forwarded, wanted: Wanted): Served {
  const outcome = core.judge(forwarded, wanted, { chargeFiltered: true, cleanse: (text) => text })
  if (!outcome.paid) throw new Error(`the answer is not good: ${outcome.reason}`)
  const [posted, held] = [millionths(1_000_000_000_000), millionths(3_000_000)]
  const balance = { posted, held, available: millionths(posted - held) }
  return { outcome, forwarded, price: core.price, charged: core.price, balance }
}

/** What stands in front of the body: a live key, its rate and its slots, and one real request that waits at the door. */
async function openGate(folder: string) {
  const store = await openStore({ kind: 'sqlite', path: join(folder, 'gate.db') })
  const keys = openKeys(store, 0)
  const account = openAccounts(store).creating('bench', null)
  const { secret, unit } = keys.issuing(account.id, { name: 'bench' })
  await store.write([...account.unit, ...unit])
  const identity = await keys.find(digestOf(secret))
  if (!identity) throw new Error('no key')
  const app = fastify()
  await app.register(rateLimit, { global: false, enableDraftSpec: true, store: storeOf(openWindows()) })
  const rates = rateHooks(app, { key: () => ({ id: identity.id, ...endless }), account: () => null })
  const { request, reply, leave } = await waiting(app, { authorization: `Bearer ${secret}` })
  const entrance = openEntrance({ keys, failures: { note: () => undefined } }, () => undefined, noRule)
  const slots = openSlots()
  const refused = (error?: Error) => {
    if (error) throw error
  }

  async function rateAndSlots(): Promise<void> {
    // The plug-in counts each request once, so each call is one of its own.
    const own: FastifyRequest = Object.create(request)
    const [ofKey, ofAccount] = rates
    await ofKey.call(app, own, reply)
    ofAccount(own, reply, refused)
    const taken = [slots.take(identityOf(own).id, 1000), slots.take(identityOf(own).accountId, 1000)]
    for (const slot of taken) slot?.release()
  }

  const identityOf = (_request: FastifyRequest): Identity => identity as Identity

  async function close(): Promise<void> {
    await leave()
    await store.close()
  }

  return { request, reply, identity, enter: () => entrance.enter(request, reply, refused), rateAndSlots, close }
}

const noRule = (): void => undefined

/** A request whose handler does not answer until it may leave. */
async function waiting(app: FastifyInstance, headers: Record<string, string>) {
  const { promise: gone, resolve: go } = Promise.withResolvers<void>()
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<{
    request: FastifyRequest
    reply: FastifyReply
  }>()
  app.post('/', async (request, reply) => {
    arrive({ request, reply })
    await gone
    return {}
  })
  const answered = app.inject({ method: 'POST', url: '/', headers, payload: {} })

  async function leave(): Promise<void> {
    go()
    await answered
    await app.close()
  }

  return { ...(await arrived), leave }
}

/** What stands behind the hold: the queue, the tokens, and the way to a stand-in that gives such answers. */
async function openExit(kind: AnswerKind) {
  const standIn = await startUpstream(kind, undefined)
  const { config } = loadConfig({
    UPSTREAM_URL: `http://127.0.0.1:${standIn.port}`,
    UPSTREAM_TOKENS: 'sk-bench-0123456789',
  })
  const tokens = openTokens(config.upstreamTokens)
  const paces = { pace: openPace(endless), departures: openPace(endless) }
  const rules = { ...paces, concurrency: 0, mostInFlight: mostConnections, rest: true }
  const turns = openTurns(tokens.all, rules)
  const queue = openQueue(turns, { longestMs: 1000, mostWaiting: 1000 })
  const upstream = openUpstream(
    {
      ...{ name: 'stability', ...config.upstream, ca: undefined, connectTimeoutMs: config.upstreamConnectTimeoutMs },
      ...{ headersTimeoutMs: config.upstreamHeadersTimeoutMs, bodyTimeoutMs: config.upstreamBodyTimeoutMs },
      ...{ deadlineMs: config.upstreamDeadlineMs, answerLimitBytes: config.answerLimitBytes },
    },
    tokens,
    turns,
    () => undefined,
  )
  const bytes = openBytes(config.bytesInFlightLimit, config.requestTimeoutMs)
  const body = formOf(600)
  const parcel = {
    ...{ path: generatePath, body, contentType: formType, contentLength: body.length, userId: 'bench' },
    ...{ accept: kind === 'small' ? ('application/json' as const) : ('image/*' as const) },
    ...{ clientId: undefined, clientVersion: undefined },
  }
  const upload = { announced: body.length, read: () => body.length, refuse: () => undefined }
  const caller = { lane: 'acc_bench', onLeave: () => undefined }
  const present = () => false

  function turn(): Turn {
    const got = queue.turn(caller)
    if (got instanceof Promise) throw new Error('the queue lets nobody through')
    return got
  }

  return {
    forward: () => upstream.forward(parcel, turn(), present),
    queueAndBytes() {
      const load = bytes.load()
      load.take(body.length)
      load.awaits(upload)
      const got = turn()
      load.add(body.length)
      got.done()
      load.giveBack()
    },
    async close() {
      await upstream.close()
      await standIn.close()
    },
  }
}
