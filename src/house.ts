import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { openAccounts } from './accounts/accounts.ts'
import { openApp } from './app.ts'
import { openCatalog } from './catalog/catalog.ts'
import { startRecovering } from './chores/recover.ts'
import { startRefreshing } from './chores/refresh.ts'
import { startRetaining } from './chores/retain.ts'
import { startSummingDays } from './chores/sum-days.ts'
import type { Config } from './config.ts'
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
import { openFailures } from './limits/failures.ts'
import { openLimits } from './limits/redis-limits.ts'
import { openOperators } from './operators/operators.ts'
import { type Bodies, fileBodies, storedBodies } from './replays/bodies.ts'
import { openReplays } from './replays/replays.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'
import { openSandbox } from './upstream/sandbox.ts'
import { openTokens } from './upstream/tokens.ts'
import { type Notice, openUpstream, type UpstreamSettings } from './upstream/upstream.ts'
import { openWaitingRoom } from './waiting-room.ts'

export type House = {
  readonly origin: string
  readonly store: Store
  readonly first: FirstStart
  readonly sandboxMode: boolean
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
  const store = await openedStore(config, log, signal)
  opened.defer(() => store.close())
  const shared = store.dialect === 'postgres'
  const limits = await openLimits(config.redisUrl, log)
  opened.defer(() => limits.close())
  // SQLite has one server, so whatever is open belongs to a dead one; the name says so.
  const owner = shared ? newId('rep') : 'local'
  const ledger = openLedger(store, owner)
  const recovering = shared ? await startRecovering({ leases: openLeases(store, owner), ledger, log }) : undefined
  opened.defer(async () => recovering?.close())
  if (!shared) await recoverAll(ledger, owner, log)
  const accounts = openAccounts(store)
  const keys = openKeys(store, shared ? rememberedMs : 0)
  const operators = openOperators(store, config.adminKey && digestOf(config.adminKey))
  const catalog = await openCatalog(store)
  const refreshing = shared ? startRefreshing(catalog.refresh, log) : undefined
  opened.defer(() => refreshing?.close())
  const failures = openFailures()
  const sandboxMode = config.upstreamTokens.length === 0
  const upstreams = await openUpstreams(config, log)
  opened.defer(upstreams.close)
  const odd = await openOddParts()
  opened.defer(odd.close)
  const replays = openReplays(store, bodiesFor(config, store), config.replayTtlMs)
  const afterwards = openAfterwards(log)
  const work = openWork()
  const app = await openApp({
    log,
    settings: config,
    unready: () => unready(store, work),
    paid: () => (sandboxMode ? 'sandbox' : upstreams.live.outlook().state === 'none' ? 'no_token' : 'ok'),
    admin: {
      ...{ store, accounts, keys, ledger, operators, catalog, failures, upstream: upstreams.live },
      adminAllowIps: config.adminAllowIps,
    },
    portal: {
      ...{ store, accounts, keys, catalog, failures, settings: config },
      ...{ windows: limits.windows, slots: limits.slots },
    },
    gateway: {
      ...{ catalog, keys, failures, ledger, afterwards, upstreams, log, settings: config },
      ...{ slots: limits.slots, windows: limits.windows },
      ...{ replays, readOdd: odd.readOdd, closing: work.closing, working: work.working },
      ...{ chargeFiltered: config.chargeFiltered, settleTriesMs },
      balance: (accountId: string) => balance(store, accountId),
    },
  })
  const retaining = startRetaining({ store, ledger, replays, log, settings: config })
  opened.defer(retaining.close)
  const summing = startSummingDays(store, log)
  opened.defer(summing.close)
  const origin = await listen(app, config)
  // Once it listens, since keys minted for a start that then fails would have been told to nobody.
  const first = await firstStart({ store, accounts, keys, operators }, config.adminKey !== undefined, sandboxMode)

  async function close(graceMs: number): Promise<readonly string[]> {
    const untilMs = performance.now() + graceMs
    await work.finish(graceMs)
    // Bodies still coming in and answers still going out have what is left of the time.
    const closed = app.close()
    await inTime(closed, untilMs - performance.now())
    const left = [...work.left(), ...afterwards.left()]
    afterwards.close()
    await retaining.close()
    await summing.close()
    await recovering?.close()
    // What is being written is written to its end; from here on nobody can be charged for what is not delivered.
    await store.close()
    app.server.closeAllConnections()
    await closed
    await opened.disposeAsync()
    return left
  }

  return { origin, store, first, sandboxMode, close }
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

/** The real upstream behind live keys, and the stand-in on a socket of its own behind test keys. */
async function openUpstreams(config: Config, log: Logger) {
  const notice: Notice = (level, reason, detail) => log[level]({ reason, ...detail }, 'upstream')
  const pass = mintKey('test')
  const sandbox = await openSandbox({ token: pass })
  const live = openUpstream(settingsFor(config, config.upstream), openTokens(config.upstreamTokens), notice)
  const stand = { origin: sandbox.origin, path: '' }
  const test = openUpstream(settingsFor(config, stand), openTokens([{ value: pass }], false), notice)

  async function close(): Promise<void> {
    await Promise.all([live.close(), test.close()])
    await sandbox.close()
  }

  return { live, test, close }
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
