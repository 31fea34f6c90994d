import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import manifest from '../package.json' with { type: 'json' }
import { openAccounts } from './accounts/accounts.ts'
import { openApp } from './app.ts'
import { type Catalog, openCatalog } from './catalog/catalog.ts'
import { startAlerting } from './chores/alerts.ts'
import { startDelivering } from './chores/deliver.ts'
import { openNotices } from './chores/notices.ts'
import { startProbingTokens } from './chores/probe-tokens.ts'
import { startProving } from './chores/prove.ts'
import { startRecovering } from './chores/recover.ts'
import { startRefreshing } from './chores/refresh.ts'
import { startRetaining } from './chores/retain.ts'
import type { Rounds } from './chores/rounds.ts'
import { startSharingTokens } from './chores/share-tokens.ts'
import { startSummingDays } from './chores/sum-days.ts'
import type { Config } from './config.ts'
import { millionths } from './credits.ts'
import { type FirstStart, firstStart } from './first-start.ts'
import { openAfterwards } from './gateway/afterwards.ts'
import { openOddParts } from './gateway/odd-parts.ts'
import { openWork, type Work } from './gateway/work.ts'
import { newId } from './ids.ts'
import { digestOf, mintKey } from './keys/key.ts'
import { openKeys } from './keys/keys.ts'
import { openLeases } from './ledger/leases.ts'
import { type Ledger, openLedger } from './ledger/ledger.ts'
import { balance } from './ledger/statement.ts'
import { type Bytes, openBytes } from './limits/bytes.ts'
import { openFailures } from './limits/failures.ts'
import { openPace, unpaced, withReserve } from './limits/pace.ts'
import { openQueue } from './limits/queue.ts'
import { type Limits, openLimits } from './limits/redis-limits.ts'
import { droppedLines } from './log.ts'
import { type Metrics, openMetrics } from './metrics.ts'
import { openOperators } from './operators/operators.ts'
import { type Bodies, fileBodies, storedBodies } from './replays/bodies.ts'
import { openReplays } from './replays/replays.ts'
import { openFigures } from './scrape/figures.ts'
import { openHouseFigures } from './scrape/house-figures.ts'
import { keyOfSession } from './sessions/cookie.ts'
import { openSessions } from './sessions/sessions.ts'
import { settingsTold } from './settings-told.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'
import { openTracing } from './tracing.ts'
import { mostConnections } from './upstream/pool.ts'
import { openSandbox } from './upstream/sandbox.ts'
import { openTokenStates } from './upstream/token-states.ts'
import { openTokens, type Tokens } from './upstream/tokens.ts'
import { openTurns, type TurnRules } from './upstream/turns.ts'
import { type Notice, openUpstream, type Upstream, type UpstreamSettings } from './upstream/upstream.ts'
import { openWaitingRoom } from './waiting-room.ts'
import { openAlerts } from './webhooks/alerts.ts'
import { openDeliveries } from './webhooks/deliveries.ts'
import { openSender } from './webhooks/sender.ts'
import { openWebhooks } from './webhooks/webhooks.ts'

export type House = {
  readonly origin: string
  readonly store: Store
  readonly first: FirstStart
  readonly sandboxMode: boolean
  /** What calls keep in memory. */
  readonly bytes: Bytes
  /** Refuses new paid calls, waits for those in flight, and answers the ids of calls that were left to recovery. */
  close(graceMs: number): Promise<readonly string[]>
}

const settleTriesMs = 10_000

/**
 * Opens every room in order: the store, then recovery of what a dead process left, then the doors, and then listens.
 * A database server that does not answer is waited for until `signal` is aborted. Throws StoreRefusal, or the error
 * of `listen`.
 */
export async function openHouse(config: Config, log: Logger, signal?: AbortSignal): Promise<House> {
  const opened = new AsyncDisposableStack()
  try {
    return await furnish(config, log, opened, signal)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** What is opened is given to `opened`, which closes it in the opposite order. */
async function furnish(
  config: Config,
  log: Logger,
  opened: AsyncDisposableStack,
  signal?: AbortSignal,
): Promise<House> {
  const tracing = await openTracing(config.otelEndpoint, manifest.version, (why) =>
    log.warn({ reason: 'otel', why }, 'the collector takes no traces; calls go on without'),
  )
  opened.defer(tracing.close)
  const store = await openedStore(config, log, signal)
  opened.defer(() => store.close())
  // What the clock starts ends before the store does; a start that fails ends it too.
  const chores = opened.use(new AsyncDisposableStack())
  const shared = store.dialect === 'postgres'
  const limits = await openLimits(config.redisUrl, log)
  opened.defer(() => limits.close())
  // SQLite has one server, so whatever is open belongs to a dead one; the name says so.
  const owner = shared ? newId('rep') : 'local'
  const metrics = openMetrics()
  const ledger = countingRecovered(openLedger(store, owner), metrics)
  const recovering = shared ? await startRecovering({ leases: openLeases(store, owner), ledger, log }) : undefined
  chores.defer(async () => recovering?.close())
  if (!shared) await recoverAll(ledger, owner, log)
  const accounts = openAccounts(store)
  const keys = openKeys(store, shared ? rememberedMs : 0)
  const operators = openOperators(store, config.adminKey && digestOf(config.adminKey))
  const catalog = await openCatalog(store)
  metrics.sells(catalog.offers.map(({ id }) => id))
  const refreshing = shared ? startRefreshing(catalog.refresh, log) : undefined
  chores.defer(async () => refreshing?.close())
  const webhooks = openWebhooks(store, config.webhookAllowPrivate)
  await webhooks.refresh()
  const deliveries = openDeliveries(store)
  const notices = openNotices(webhooks.wants)
  const failures = openFailures()
  const sessions = openSessions(store)
  const sandboxMode = config.upstreamTokens.length === 0
  const upstreams = await openUpstreams(config, log, limits, recovering?.replicas)
  opened.defer(upstreams.close)
  const minding = sandboxMode ? undefined : await mindTokens(upstreams.live.upstream, store, catalog, log)
  chores.defer(async () => minding?.close())
  const odd = await openOddParts()
  opened.defer(odd.close)
  const replays = openReplays(store, bodiesFor(config, store), config.replayTtlMs)
  const afterwards = openAfterwards(log)
  const work = openWork()
  const bytes = openBytes(config.bytesInFlightLimit, config.requestTimeoutMs)
  const proving = startProving(store, log)
  chores.defer(proving.close)
  const { tokens, queue, onTurn } = upstreams.live.upstream
  onTurn(metrics.turnCame)
  const figures = openFigures({
    ...{ metrics, bytes, tokens, queue, droppedLines, redis: limits.redis },
    ...{ deadlineMs: config.upstreamDeadlineMs, version: manifest.version },
    house: openHouseFigures({ store, tokenIds: () => tokens().map(({ id }) => id), proof: proving.proof }),
  })
  const app = await openApp({
    log,
    settings: config,
    unready: () => unready(store, work),
    paid: () => (sandboxMode ? 'sandbox' : upstreams.live.upstream.outlook().state === 'none' ? 'no_token' : 'ok'),
    admin: {
      ...{ store, accounts, keys, ledger, operators, catalog, failures, upstream: upstreams.live.upstream },
      ...{ webhooks, deliveries },
      ...{ adminAllowIps: config.adminAllowIps, keyOfSession: keyOfSession(sessions, 'operator') },
      ...{ settingsTold: settingsTold(config), proof: proving.proof },
    },
    dashboard: { sessions, keys, operators, failures, adminAllowIps: config.adminAllowIps },
    portal: {
      keyOfSession: keyOfSession(sessions, 'account'),
      ...{ store, accounts, keys, catalog, failures, settings: config },
      ...{ windows: limits.windows, slots: limits.slots },
    },
    tracing,
    scrape: { failures, figures, metricsKey: config.metricsKey },
    gateway: {
      ...{ metrics, tracing, catalog, keys, failures, ledger, afterwards, upstreams, log, settings: config },
      ...{ slots: limits.slots, windows: limits.windows, bytes },
      ...{ replays, readOdd: odd.readOdd, closing: work.closing, working: work.working },
      ...{ chargeFiltered: config.chargeFiltered, settleTriesMs },
      balance: (accountId: string) => balance(store, accountId),
      noticed: notices.noticed,
    },
  })
  const alerting = startAlerting({
    ...{ store, webhooks, deliveries, alerts: openAlerts(store), catalog, notices, proof: proving.proof, log },
    upstream: upstreams.live.upstream,
  })
  chores.defer(alerting.close)
  const sender = openSender({ allowPrivate: config.webhookAllowPrivate })
  const delivering = startDelivering({ store, webhooks, deliveries, sender, log })
  chores.defer(delivering.close)
  const retaining = startRetaining({ store, ledger, replays, log, settings: config })
  chores.defer(retaining.close)
  const summing = startSummingDays(store, log)
  chores.defer(summing.close)
  const origin = await listen(app, config)
  // Once it listens, since keys minted for a start that then fails would have been told to nobody.
  const first = await firstStart({ store, accounts, keys, operators }, config.adminKey !== undefined, sandboxMode)

  async function close(graceMs: number): Promise<readonly string[]> {
    const untilMs = performance.now() + graceMs
    const finished = work.finish(graceMs)
    upstreams.closeQueues()
    await finished
    // Bodies still coming in and answers still going out have what is left of the time.
    const closed = app.close()
    await inTime(closed, untilMs - performance.now())
    const left = [...work.left(), ...afterwards.left()]
    afterwards.close()
    await chores.disposeAsync()
    // What is being written is written to its end; from here on nobody can be charged for what is not delivered.
    await store.close()
    app.server.closeAllConnections()
    await closed
    await opened.disposeAsync()
    return left
  }

  return { origin, store, first, sandboxMode, bytes, close }
}

/** How long a change made at another replica may stay unseen here. */
const rememberedMs = 1000

async function openedStore(config: Config, log: Logger, signal: AbortSignal | undefined): Promise<Store> {
  let room: Promise<{ close(): Promise<void> }> | undefined
  const notice = (sentence: string): void => {
    log.warn({ reason: 'database' }, sentence)
    // Without a port of its own nobody could find it.
    if (config.port > 0) room ??= openWaitingRoom(config.host, config.port)
    room?.catch(() => undefined)
  }
  try {
    return await openStore(config.database, { signal, notice })
  } finally {
    await (await room)?.close()
  }
}

/** Waits for the work, but not longer than so many milliseconds. */
async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  const late = new AbortController()
  const timer = sleep(Math.max(0, ms), undefined, { signal: late.signal }).catch(() => undefined)
  await Promise.race([work, timer])
  late.abort()
}

function bodiesFor({ database }: Config, store: Store): Bodies {
  return database.kind === 'sqlite' ? fileBodies(`${database.path}-replays`) : storedBodies(store)
}

async function recoverAll(ledger: Ledger, owner: string, log: Logger): Promise<void> {
  const holds = await ledger.recover(owner)
  if (holds > 0) log.warn({ holds, reason: 'recovered_release' }, 'open holds of the last run were released')
}

/** A hold that a dead process left may have been billed, and no call will ever end to say so. */
function countingRecovered(ledger: Ledger, metrics: Metrics): Ledger {
  async function recover(gone: string): Promise<number> {
    const holds = await ledger.recover(gone)
    metrics.recovered(holds)
    return holds
  }
  return { ...ledger, recover }
}

/** The real upstream behind live keys, and the stand-in on a socket of its own behind test keys. */
async function openUpstreams(config: Config, log: Logger, limits: Limits, replicas?: () => number) {
  const { upstreamPace, upstreamTokenConcurrency: concurrency, queueWaitMs, queueLimit } = config
  const bounds = { longestMs: queueWaitMs, mostWaiting: queueLimit }
  const notice: Notice = (level, reason, detail) => log[level]({ reason, ...detail }, 'upstream')
  const pass = mintKey('test')
  const sandbox = await openSandbox({ token: pass })

  function opened(settings: UpstreamSettings, tokens: Tokens, rules: Omit<TurnRules, 'mostInFlight'>) {
    const turns = openTurns(tokens.all, { ...rules, mostInFlight: mostConnections })
    const queue = openQueue(turns, bounds)
    const upstream = openUpstream(settings, tokens, turns, notice)
    return { upstream: { ...upstream, queue: queue.view, onTurn: queue.onTurn }, queue }
  }

  const pace = limits.paceOf(withReserve(upstreamPace), replicas ?? (() => 1))
  const departures = openPace(upstreamPace)
  const real = settingsFor(config, config.upstream)
  const live = opened(real, openTokens(config.upstreamTokens), { pace, departures, concurrency, rest: true })
  live.upstream.onTokenChange(({ id, from, to, reason }) =>
    log.warn({ reason: 'token_state', token_id: id, from, to, why: reason }, 'token'),
  )
  const stand = settingsFor(config, { origin: sandbox.origin, path: '' })
  const test = opened(stand, openTokens([{ value: pass, weight: 1 }]), {
    pace: unpaced,
    departures: unpaced,
    concurrency: 0,
    rest: false,
  })

  /** Whoever waits for a turn is refused, so that a closing house waits only for calls at the upstream. */
  function closeQueues(): void {
    live.queue.close()
    test.queue.close()
  }

  async function close(): Promise<void> {
    closeQueues()
    await Promise.all([live.upstream.close(), test.upstream.close()])
    await sandbox.close()
  }

  return { live, test, closeQueues, close }
}

/** Replicas agree about the tokens, a restart forgets nothing of them, and their balances are read. */
async function mindTokens(upstream: Upstream, store: Store, catalog: Catalog, log: Logger): Promise<Rounds> {
  const states = openTokenStates(store)
  const sharing = await startSharingTokens({ states, upstream, log, shared: store.dialect === 'postgres' })
  const leastCredits = millionths(Math.min(...catalog.offers.map(({ listPrice }) => listPrice)))
  const probing = startProbingTokens({ store, upstream, log, leastCredits })
  return {
    async close() {
      await probing.close()
      await sharing.close()
    },
  }
}

function settingsFor(config: Config, where: { readonly origin: string; readonly path: string }): UpstreamSettings {
  return {
    name: 'stability',
    ...where,
    ca: config.upstreamCa,
    connectTimeoutMs: config.upstreamConnectTimeoutMs,
    headersTimeoutMs: config.upstreamHeadersTimeoutMs,
    bodyTimeoutMs: config.upstreamBodyTimeoutMs,
    deadlineMs: config.upstreamDeadlineMs,
    answerLimitBytes: config.answerLimitBytes,
  }
}

async function unready(store: Store, work: Work): Promise<string | null> {
  if (work.closing()) return 'shutting_down'
  try {
    await store.read('SELECT 1 AS one')
    return null
  } catch {
    return 'database'
  }
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  await app.listen({ host, port })
  const address = app.server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no address')
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${shown}:${address.port}`
}
