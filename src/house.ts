import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { openAccounts } from './accounts/accounts.ts'
import { openApp } from './app.ts'
import { openCatalog } from './catalog/catalog.ts'
import type { Config } from './config.ts'
import { type FirstStart, firstStart } from './first-start.ts'
import { openAfterwards } from './gateway/afterwards.ts'
import { openOddParts } from './gateway/odd-parts.ts'
import { openWork, type Work } from './gateway/work.ts'
import { digestOf, mintKey } from './keys/key.ts'
import { openKeys } from './keys/keys.ts'
import { type Ledger, openLedger } from './ledger/ledger.ts'
import { balance } from './ledger/statement.ts'
import { openFailures } from './limits/failures.ts'
import { openSlots } from './limits/slots.ts'
import { openOperators } from './operators/operators.ts'
import { type Bodies, fileBodies, storedBodies } from './replays/bodies.ts'
import { openReplays } from './replays/replays.ts'
import { openStore } from './store/open.ts'
import type { Store } from './store/store.ts'
import { openSandbox } from './upstream/sandbox.ts'
import { openTokens } from './upstream/tokens.ts'
import { type Notice, openUpstream, type UpstreamSettings } from './upstream/upstream.ts'

export type House = {
  readonly origin: string
  readonly store: Store
  readonly first: FirstStart
  readonly sandboxMode: boolean
  /** Refuses new paid calls, waits for those in flight, and answers the ids of calls that were left to recovery. */
  close(graceMs: number): Promise<readonly string[]>
}

/** The holds of the only server of a database. */
const onlyServer = 'local'
const settleTriesMs = 10_000

/**
 * Opens every room in order: the store, then recovery of what a dead process left, then the doors, and listens last.
 * Throws StoreRefusal, or the error of `listen`.
 */
export async function openHouse(config: Config, log: Logger): Promise<House> {
  const store = await openStore(config.database)
  try {
    return await furnish(config, log, store)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function furnish(config: Config, log: Logger, store: Store): Promise<House> {
  const ledger = openLedger(store, onlyServer)
  await recover(ledger, log)
  const accounts = openAccounts(store)
  const keys = openKeys(store, 0)
  const operators = openOperators(store, config.adminKey && digestOf(config.adminKey))
  const catalog = openCatalog()
  const failures = openFailures()
  const sandboxMode = config.upstreamTokens.length === 0
  const first = await firstStart({ store, accounts, keys, operators }, config.adminKey !== undefined, sandboxMode)
  const upstreams = await openUpstreams(config, log)
  const odd = await openOddParts()
  const replays = openReplays(store, bodiesFor(config, store), config.replayTtlMs)
  const afterwards = openAfterwards(log)
  const work = openWork()
  const app = await openApp({
    log,
    settings: config,
    unready: () => unready(store, work),
    paid: () => (sandboxMode ? 'sandbox' : upstreams.live.outlook().state === 'none' ? 'no_token' : 'ok'),
    admin: { store, accounts, keys, ledger, operators, catalog, failures, adminAllowIps: config.adminAllowIps },
    gateway: {
      ...{ catalog, keys, failures, slots: openSlots(), ledger, afterwards, upstreams, log, settings: config },
      ...{ replays, readOdd: odd.readOdd, closing: work.closing, working: work.working },
      ...{ chargeFiltered: config.chargeFiltered, settleTriesMs },
      balance: (accountId: string) => balance(store, accountId),
    },
  })
  const origin = await listen(app, config)

  async function close(graceMs: number): Promise<readonly string[]> {
    await work.finish(graceMs)
    const left = [...work.left(), ...afterwards.left()]
    afterwards.close()
    if (left.length > 0) app.server.closeAllConnections()
    await app.close()
    await upstreams.close()
    await odd.close()
    await store.close()
    return left
  }

  return { origin, store, first, sandboxMode, close }
}

function bodiesFor({ database }: Config, store: Store): Bodies {
  return database.kind === 'sqlite' ? fileBodies(`${database.path}-replays`) : storedBodies(store)
}

async function recover(ledger: Ledger, log: Logger): Promise<void> {
  const holds = await ledger.recover(onlyServer)
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
