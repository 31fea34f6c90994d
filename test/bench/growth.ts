/**
 * What a house costs that has stored many calls, beside one that has stored few: hold and settle, the look-up of a key
 * that is not remembered, and the pages of every list.
 * node --max-old-space-size=8192 test/bench/growth.ts --store sqlite|postgres --calls 10000,1000000,10000000 --accounts 1,100000
 *
 * Filling is most of the time: about a minute and 1 GB for a million calls, eight minutes and 12 GB for ten million of
 * one account, up to twenty for ten million of many; the houses of one number of accounts stand side by side and are
 * removed before the next. Prints one table for each number of accounts: medians of interleaved rounds for each size, and
 * how much more the largest costs than the smallest (median, least and most of the rounds; goal: 1.2). A page is compared
 * where it holds the same number of rows in every size. Exit code 1 when the books of a house do not balance.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { loadConfig } from '../../src/config.ts'
import { millionths } from '../../src/credits.ts'
import { openHouse } from '../../src/house.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { books, unhurriedMs } from '../../src/ledger/statement.ts'
import { openLog } from '../../src/log.ts'
import { type Database, openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { startServer } from '../support/postgres.ts'
import { machineFacts } from './machine.ts'
import { type Buyer, pairsPerSecond } from './pairs.ts'
import { type Ask, asksOf } from './scale-asks.ts'
import type { Filled } from './scale-fill.ts'
import { filled } from './scale-filled.ts'
import { spreadOf, spreadText, tableText } from './spread.ts'

const adminKey = 'an-operator-key-for-benches-only'
const mostGrowth = 1.2
const inFlight = 64
const buyersAsked = 512
const lookUps = 500
const tries = 5
const pagesTold = 5

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    calls: { type: 'string', default: '10000,1000000,10000000' },
    accounts: { type: 'string', default: '1,100000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
  },
})
const sizes = values.calls.split(',').map(Number)
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)

/** One house of one size, and what each round found there: cost by figure, and by the number of a page. */
type Place = {
  readonly calls: number
  readonly database: Database
  readonly who: Filled
  readonly found: Map<string, number[]>
  readonly pages: Map<number, number[]>
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

function note({ found }: Place, figure: string, cost: number): void {
  found.set(figure, [...(found.get(figure) ?? []), cost])
}

/** Live keys of as many accounts as there are, evenly out of all, each able to pay. */
async function buyersIn(store: Store): Promise<Buyer[]> {
  const rows = await store.read(
    `SELECT keys.id, keys.account_id, keys.spend_id FROM keys JOIN accounts ON accounts.id = keys.account_id
      WHERE keys.mode = 'live' AND keys.revoked_at IS NULL AND keys.expires_at IS NULL AND accounts.status = 'active'
      ORDER BY keys.id`,
  )
  const every = Math.max(1, Math.floor(rows.length / buyersAsked))
  const all = rows.filter((_, index) => index % every === 0).slice(0, buyersAsked)
  const ledger = openLedger(store, 'bench')
  for (const accountId of new Set(all.map((row) => String(row['account_id'])))) {
    await ledger.grant({ accountId, credits: millionths(1e13), reason: 'bench' })
  }
  return all.map((row) => {
    return { keyId: String(row['id']), accountId: String(row['account_id']), spendId: String(row['spend_id']) }
  })
}

async function lookUpUs(store: Store, all: readonly Buyer[]): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < lookUps; index++) {
    const buyer = all[(index * 7919) % all.length]
    const began = performance.now()
    // A new room remembers nobody.
    const found = await openKeys(store, 0, 1).find(`digest ${buyer?.keyId}`)
    times.push((performance.now() - began) * 1000)
    if (!found) throw new Error('a key is not found')
  }
  return spreadOf(times).median
}

/** Holds, settles and look-ups, the sizes in turn. */
async function measureStores(places: readonly Place[]): Promise<void> {
  const open: { place: Place; store: Store; all: Buyer[] }[] = []
  for (const place of places) {
    const store = await openStore(place.database)
    open.push({ place, store, all: await buyersIn(store) })
  }
  for (let round = 0; round <= rounds; round++) {
    for (const { place, store, all } of open) {
      const pairs = await pairsPerSecond(openLedger(store, 'bench'), all, inFlight, false, seconds)
      const us = await lookUpUs(store, all)
      // The first round is the warm-up.
      if (round === 0) continue
      note(place, 'hold and settle, us a pair', 1e6 / pairs['pairs/s'])
      note(place, 'key look-up, us', us)
    }
  }
  for (const { store } of open) {
    const { balanced, faults } = await books(store, unhurriedMs)
    if (!balanced) throw new Error(`the books do not balance: ${faults}`)
    await store.close()
  }
}

type Desk = {
  readonly place: Place
  readonly origin: string
  readonly asks: readonly Ask[]
  close(): Promise<unknown>
}

async function openDesk(place: Place): Promise<Desk> {
  const { database, who } = place
  const address = database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url
  const { config } = loadConfig({ ADMIN_KEY: adminKey, PORT: '0', DATABASE_URL: address })
  const house = await openHouse(config, openLog('silent', false, { write: () => undefined }))
  const [entry] = await house.store.read('SELECT id FROM entries WHERE account_id = $1 ORDER BY number LIMIT 1', [
    who.busy.account,
  ])
  // Reports have their own bench; these are the lists.
  const asks = asksOf(who, String(entry?.['id'])).filter(
    ({ door, family }) => door === 'admin' && !family.includes('usage'),
  )
  return { place, origin: house.origin, asks, close: () => house.close(1000) }
}

type Page = { readonly ms: number; readonly rows: number }

async function pageOf(origin: string, { path }: Ask, agent: Agent): Promise<Page> {
  const times: number[] = []
  let rows = 0
  for (let left = tries; left > 0; left--) {
    const began = performance.now()
    const headers = { authorization: `Bearer ${adminKey}` }
    const answer = await request(`${origin}/admin/v1${path}`, { headers, dispatcher: agent })
    const text = await answer.body.text()
    times.push(performance.now() - began)
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${text}`)
    rows = (JSON.parse(text) as { data: unknown[] }).data.length
  }
  return { ms: spreadOf(times).median, rows }
}

/** Each list's pages, the sizes in turn; a list costs what its pages cost together. */
async function measureLists(places: readonly Place[]): Promise<readonly Ask[]> {
  const agent = new Agent({ connections: 1, headersTimeout: 0, bodyTimeout: 0 })
  const desks: Desk[] = []
  try {
    for (const place of places) desks.push(await openDesk(place))
    const asks = desks[0]?.asks ?? []
    for (let round = 0; round <= rounds; round++) {
      for (const index of asks.keys()) await measurePage(desks, index, round, agent)
    }
    return asks
  } finally {
    await agent.destroy()
    for (const desk of desks) await desk.close()
  }
}

async function measurePage(desks: readonly Desk[], index: number, round: number, agent: Agent): Promise<void> {
  const pages: Page[] = []
  for (const { origin, asks } of desks) {
    const ask = asks[index]
    if (ask) pages.push(await pageOf(origin, ask, agent))
  }
  const same = pages.every(({ rows }) => rows > 0 && rows === pages[0]?.rows)
  if (round === 0 || !same) return
  for (const [at, { place, asks }] of desks.entries()) {
    const figure = `${asks[index]?.family}, us for its pages`
    const sums = place.found.get(figure) ?? []
    sums[round - 1] = (sums[round - 1] ?? 0) + (pages[at]?.ms ?? 0) * 1000
    place.found.set(figure, sums)
    place.pages.set(index, [...(place.pages.get(index) ?? []), pages[at]?.ms ?? 0])
  }
}

/** The pages that grew most, to know where to look when a list does not hold. */
function reportPages(places: readonly Place[], asks: readonly Ask[]): void {
  const grown = [...(places[0]?.pages.keys() ?? [])].map((index) => {
    const costs = places.map(({ pages }) => spreadOf(pages.get(index) ?? []).median)
    return { index, costs, more: (costs.at(-1) ?? 0) - (costs[0] ?? 0) }
  })
  const rows = grown
    .sort((one, other) => other.more - one.more)
    .slice(0, pagesTold)
    .map(({ index, costs }) => [asks[index]?.path ?? '', ...costs.map((ms) => ms.toFixed(2))])
  tell(`\n${tableText(['pages that grew most, ms', ...places.map(({ calls }) => `${calls} calls`)], rows)}`)
}

function report(places: readonly Place[], accounts: number): void {
  const [least, most] = [places[0], places.at(-1)]
  if (!least || !most) return
  const rows = [...least.found.keys()].map((figure) => {
    const costs = places.map(({ found }) => found.get(figure) ?? [])
    const ratios = (costs.at(-1) ?? []).map((cost, round) => cost / (costs[0]?.[round] ?? Number.NaN))
    const growth = spreadOf(ratios)
    const medians = costs.map((all) => spreadOf(all).median.toFixed(0))
    return [figure, ...medians, spreadText(growth, 2), growth.median <= mostGrowth ? 'holds' : 'does not hold']
  })
  tell(`\n### ${values.store}, ${accounts} accounts\n`)
  const counts = places.map(({ calls }) => `${calls} calls`)
  tell(tableText(['cost', ...counts, `largest to smallest (goal: ${mostGrowth})`, ''], rows))
}

type Lands = { database(calls: number): Promise<Database>; close(): Promise<void> }

async function openLands(folder: string): Promise<Lands> {
  const server = values.store === 'postgres' ? await startServer(true) : undefined
  return {
    async database(calls) {
      if (server) return { kind: 'postgres', url: await server.database() }
      return { kind: 'sqlite', path: join(folder, `${calls}.db`) }
    },
    close: async () => server?.close(),
  }
}

async function measure(accounts: number, folder: string): Promise<void> {
  mkdirSync(folder)
  const lands = await openLands(folder)
  try {
    const places: Place[] = []
    for (const calls of sizes) {
      const database = await lands.database(calls)
      const who = await filled(database, { calls, accounts }, tell)
      if (database.kind === 'sqlite') tell(`${(statSync(database.path).size / 1e9).toFixed(2)} GB`)
      places.push({ calls, database, who, found: new Map(), pages: new Map() })
    }
    await measureStores(places)
    const asks = await measureLists(places)
    report(places, accounts)
    reportPages(places, asks)
  } finally {
    await lands.close()
    rmSync(folder, { recursive: true })
  }
}

tell(machineFacts())
const folder = mkdtempSync(join(tmpdir(), 'tollgate-growth-'))
try {
  for (const accounts of values.accounts.split(',').map(Number)) await measure(accounts, join(folder, String(accounts)))
} finally {
  rmSync(folder, { recursive: true })
}
