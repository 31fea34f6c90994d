import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { openAccounts } from '../../src/accounts/accounts.ts'
import type { Environment } from '../../src/config.ts'
import { millionths } from '../../src/credits.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openStore } from '../../src/store/open.ts'
import { masterToken } from '../support/house.ts'
import { openStandIn, type StandIn } from '../support/stand-in.ts'
import { openActs, type Tenant } from './acts.ts'
import { ask } from './caller.ts'
import { type Scene, verdict } from './final.ts'
import { type Door, openDoor } from './fleet.ts'
import { type Ground, postgresGround, sqliteGround } from './ground.ts'
import { always, broken } from './money.ts'
import { type CallStep, type KeyPlan, type Plan, planOf } from './plan.ts'
import type { Evidence } from './verdict.ts'
import { installWitness } from './witness.ts'

export type Walk = {
  readonly store: 'sqlite' | 'postgres' | 'replicas'
  readonly seed: number
  readonly calls: number
  readonly kills: number
  readonly callers?: number
  /** Of a database server that is there already; a new one is started without it. */
  readonly databaseUrl?: string
  readonly say?: (line: string) => void
}

export type Result = {
  /** One line for each promise that did not hold; none is what every walk must end with. */
  readonly violations: readonly string[]
  readonly figures: Readonly<Record<string, number>>
  readonly readyMs: readonly number[]
}

// The last two are refused by the stand-in for ever, and the one before them now and then.
const tokens = Array.from({ length: 6 }, (_, index) => `${masterToken}-${index}`)
const tokenModes = [undefined, undefined, undefined, 'status-429:1', 'auth-revoked', 'out-of-credits'] as const

/**
 * One seeded walk: real processes on a real database in front of the stand-in, callers and operators as planned, kills
 * in between, and at the end everything that was seen held against every promise about money.
 */
export async function walk(options: Walk): Promise<Result> {
  const { store, seed, calls, kills, callers = 32, say = () => undefined } = options
  const plan = planOf(seed, calls, kills)
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-walk-'))
  const standIn = await openStandIn()
  for (const [index, mode] of tokenModes.entries()) if (mode) standIn.tokenMode(tokens[index] ?? '', mode)
  const ground = options.databaseUrl ? postgresGround(options.databaseUrl) : sqliteGround(join(folder, 'house.db'))
  const doors: Door[] = []
  try {
    await (await openStore(ground.database)).close()
    await installWitness(ground)
    const tenants = await furnish(ground, plan)
    const env = settings(standIn, ground)
    for (let count = store === 'replicas' ? 2 : 1; count > 0; count--) doors.push(await openDoor(env, folder))
    say(`seed ${seed}: ${plan.steps.length} steps, ${kills} kills, ${doors.length} process(es) on ${store}`)
    return await run({ plan, standIn, ground, doors, tenants, folder, callers, say })
  } finally {
    for (const door of doors) await door.destroy()
    await ground.close()
    await standIn.close()
    rmSync(folder, { recursive: true })
  }
}

/** Short times, so that every way of waiting ends within a walk. */
function settings(standIn: StandIn, ground: Ground): Environment {
  return {
    DATABASE_URL: ground.url,
    UPSTREAM_URL: standIn.origin,
    UPSTREAM_TOKENS: tokens.join(','),
    UPSTREAM_CONNECT_TIMEOUT_MS: '300',
    UPSTREAM_HEADERS_TIMEOUT_MS: '700',
    UPSTREAM_BODY_TIMEOUT_MS: '700',
    UPSTREAM_DEADLINE_MS: '1500',
    UPSTREAM_PACE: '1000000/10s',
    ANSWER_LIMIT_BYTES: '10000000',
    REQUEST_TIMEOUT_MS: '1500',
    RATE_LIMIT: '1000000/60s',
    QUEUE_WAIT_MS: '1500',
    SHUTDOWN_GRACE_MS: '5000',
    LOG_LEVEL: 'trace',
  }
}

async function furnish(ground: Ground, plan: Plan): Promise<Tenant[]> {
  const store = await openStore(ground.database)
  try {
    const [accounts, keys, ledger] = [openAccounts(store), openKeys(store, 0), openLedger(store, 'walk')]
    const tenants: Tenant[] = []
    for (const account of plan.accounts) {
      const made = accounts.creating('walk', null)
      const issued = account.keys.map((wish) => keys.issuing(made.id, { name: 'walk', ...limitsOf(wish) }))
      await store.write([...made.unit, ...issued.flatMap(({ unit }) => unit)])
      if (account.quota) {
        const { credits, period } = account.quota
        const sql = 'UPDATE accounts SET quota_credits = $2, quota_period = $3 WHERE id = $1'
        await store.write([{ sql, params: [made.id, credits, period] }])
      }
      const gift = { accountId: made.id, credits: millionths(account.credits), reason: 'walk' }
      if (account.credits > 0) await ledger.grant(gift)
      tenants.push({ id: made.id, plan: account, keys: issued.map(({ id, secret }) => ({ id, secret })) })
    }
    return tenants
  } finally {
    await store.close()
  }
}

function limitsOf({ mode, quota, maxConcurrency }: KeyPlan) {
  return { mode, maxConcurrency, quota: quota && { credits: millionths(quota.credits), period: quota.period } }
}

type Walking = Scene & { readonly callers: number; readonly say: (line: string) => void }

async function run(scene: Walking): Promise<Result> {
  const { plan, ground, doors, tenants, say } = scene
  const violations: string[] = []
  // On several machines a change made elsewhere may take its time to be seen.
  const leewayMs = doors.length > 1 ? 2000 : 0
  const acts = openActs({ doors, tenants, leewayMs })
  const heard: Evidence['heard'][number][] = []
  const charged: string[] = []
  const downs: { fromMs: number; toMs: number }[] = []
  let at = 0
  let over = false

  async function caller(): Promise<void> {
    for (let step = plan.steps[at++]; step; step = plan.steps[at++]) {
      if (step.kind === 'call') await call(step)
      else await acts.perform(step, charged)
      if (at % 1000 === 0) say(`${at} of ${plan.steps.length} steps, ${charged.length} pictures`)
    }
  }

  async function call(step: CallStep): Promise<void> {
    const tenant = tenants[step.account]
    const key = tenant?.keys[step.key]
    const door = doors[step.door % doors.length]
    if (!tenant || !key || !door) throw new Error(`the plan names nobody for ${step.name}`)
    const secret = step.manner === 'stranger' ? `tg_live_${'0'.repeat(38)}` : key.secret
    const port = await door.port()
    const answer = await ask(step, { port, accountId: tenant.id, secret, canary: masterToken })
    heard.push({ ...answer, endedMs: performance.now() })
    const id = answer.headers['x-request-id']
    if (answer.status === 200 && step.key !== 2 && id) charged.push(id)
    // Nobody learns anything from calls that are refused as long as every token cools.
    if (answer.status === 429 && answer.text.includes('rate_limit_exceeded')) await sleep(300)
  }

  async function death(): Promise<void> {
    for (const { after, delayMs, door } of plan.kills) {
      while (at < after && !over) await sleep(1)
      if (over) return
      await sleep(delayMs)
      const fromMs = performance.now()
      await doors[door % doors.length]?.kill(async () => {
        violations.push(...(await broken(ground, always)))
      })
      downs.push({ fromMs, toMs: performance.now() })
    }
  }

  /** Looks again and again while all is in motion. */
  async function watch(): Promise<void> {
    while (!over) {
      violations.push(...(await broken(ground, always)))
      await sleep(400)
    }
  }

  const started = performance.now()
  const others = [death(), watch()]
  await Promise.all(Array.from({ length: scene.callers }, caller))
  const seconds = (performance.now() - started) / 1000
  over = true
  await Promise.all(others)
  const quietMs = await quiet(ground)
  violations.push(...(await verdict(scene, { heard, downs, acts })))
  const count = (is: (each: (typeof heard)[number]) => boolean) => heard.filter(is).length
  return {
    violations: [...new Set([...violations, ...acts.faults])],
    readyMs: doors.flatMap(({ readyMs }) => readyMs),
    figures: {
      calls: heard.length,
      pictures: count(({ status, whole }) => status === 200 && whole),
      replays: count(({ headers }) => headers['idempotent-replayed'] === 'true'),
      refusals: count(({ status }) => status >= 400),
      unanswered: count(({ status }) => status === 0),
      sent: scene.standIn.calls.length,
      kills: downs.length,
      ...namesOf(heard),
      ...Object.fromEntries([...acts.done].map(([kind, times]) => [`act ${kind}`, times])),
      seconds: Math.round(seconds),
      quiet_after_ms: Math.round(quietMs),
    },
  }
}

function namesOf(heard: Evidence['heard']): Record<string, number> {
  const names: Record<string, number> = {}
  for (const { text } of heard) {
    const name = /"name":"(\w+)"/.exec(text)?.[1]
    if (name) names[name] = (names[name] ?? 0) + 1
  }
  return names
}

/** A dead replica's holds are released once its lease is over; longer nothing may be held. */
const quietWithinMs = 95_000

async function quiet(ground: Ground): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < quietWithinMs) {
    if ((await ground.query(`SELECT id FROM calls WHERE state = 'held' LIMIT 1`)).length === 0) break
    await sleep(20)
  }
  return performance.now() - started
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      store: { type: 'string', default: 'sqlite' },
      calls: { type: 'string', default: '10000' },
      kills: { type: 'string', default: '0' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      callers: { type: 'string', default: '32' },
    },
  })
  const { store } = values
  if (store !== 'sqlite' && store !== 'postgres' && store !== 'replicas') throw new Error(`no store is called ${store}`)
  const [seed, calls, kills, callers] = [values.seed, values.calls, values.kills, values.callers].map(Number)
  const server = store === 'sqlite' ? undefined : await (await import('../support/postgres.ts')).startServer(true)
  try {
    const databaseUrl = await server?.database()
    const say = (line: string): void => console.log(line)
    const size = { seed: seed ?? 0, calls: calls ?? 0, kills: kills ?? 0, callers }
    report(await walk({ store, ...size, say, ...(databaseUrl ? { databaseUrl } : {}) }))
  } finally {
    await server?.close()
  }
}

function report({ violations, figures, readyMs }: Result): void {
  console.log(figures)
  const sorted = [...readyMs].sort((a, b) => a - b).map(Math.round)
  console.log(`ready after ${sorted[0]} to ${sorted.at(-1)} ms, median ${sorted[sorted.length >> 1]}`)
  for (const violation of violations.slice(0, 50)) console.log(`VIOLATION: ${violation}`)
  console.log(violations.length === 0 ? 'no violation' : `${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
