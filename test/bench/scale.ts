/**
 * Time of every list page and every report of usage, over loopback and with the client's own part, in a house with
 * many calls and accounts. The goal is 50 ms for each.
 * node test/bench/scale.ts --store sqlite|postgres --calls 1000000 --accounts 100000
 *
 * 22 November 2026, two cores of an AMD EPYC, other work beside it, Node 26, SQLite and PostgreSQL 18. Milliseconds of
 * the slowest page of each kind; seven tries each, of which the first, the median and the best are told.
 *
 * | kind                      | pages | SQLite: first, median, best | PostgreSQL: first, median, best |
 * |---------------------------|-------|-----------------------------|---------------------------------|
 * | /accounts                 |    33 | 45.0, 25.0, 23.4            | 44.4, 29.0, 27.9                |
 * | /keys                     |    24 | 28.8, 4.4, 3.1              | 27.1, 5.2, 3.0                  |
 * | /calls                    |   160 | 21.4, 5.4, 4.4              | 30.0, 8.8, 8.2                  |
 * | /accounts/:id/entries     |     5 | 10.9, 3.5, 2.5              | 24.2, 11.4, 11.1                |
 * | /audit                    |    18 | 11.3, 2.6, 1.7              | 9.4, 1.9, 1.5                   |
 * | /operators                |     2 | 5.0, 1.5, 0.7               | 5.0, 1.1, 0.9                   |
 * | /offers                   |     1 | 5.1, 0.2, 0.2               | 4.7, 0.2, 0.2                   |
 * | usage of all, all         |    64 | 25.5, 15.1, 14.8            | 22.5, 17.6, 16.1                |
 * | usage of all, day         |    64 | 11.4, 6.6, 6.1              | 5.1, 5.2, 4.9                   |
 * | usage of all, today       |    64 | 9.7, 9.8, 9.3               | 6.5, 4.9, 4.6                   |
 * | usage of all, month       |    64 | 10.4, 8.7, 8.5              | 11.3, 9.8, 9.4                  |
 * | usage of all, months      |    64 | 12.5, 10.8, 10.3            | 23.0, 23.0, 17.8                |
 * | usage of one, all         |   128 | 14.9, 10.0, 9.3             | 21.8, 13.8, 12.9                |
 * | usage of one, day         |   128 | 10.7, 2.8, 2.3              | 3.5, 2.8, 2.1                   |
 * | usage of one, today       |   128 | 5.8, 2.7, 2.3               | 7.2, 2.6, 2.5                   |
 * | usage of one, month       |   128 | 6.5, 6.0, 5.7               | 5.8, 5.8, 4.8                   |
 * | usage of one, months      |   128 | 16.6, 8.4, 7.7              | 10.6, 10.6, 10.0                |
 * | portal usage of one, all  |    32 | 9.6, 9.3, 9.0               | 14.7, 15.0, 14.4                |
 * | portal usage of one, day  |    32 | 12.0, 2.5, 2.2              | 3.0, 2.8, 2.2                   |
 * | portal usage of one, today |    32 | 3.0, 2.6, 2.3               | 3.1, 2.6, 2.3                   |
 * | portal usage of one, month |    32 | 12.3, 5.1, 4.6              | 6.3, 5.7, 5.5                   |
 * | portal usage of one, months |    32 | 8.1, 14.7, 7.3              | 12.5, 10.4, 10.1                |
 * | portal /calls             |     2 | 32.8, 3.0, 2.6              | 19.8, 2.8, 1.8                  |
 * | portal /entries           |     2 | 8.6, 1.8, 0.9               | 9.1, 9.8, 8.7                   |
 * | portal /keys              |     1 | 22.9, 1.5, 1.4              | 18.2, 1.9, 1.6                  |
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Agent, request } from 'undici'
import { loadConfig } from '../../src/config.ts'
import { openHouse } from '../../src/house.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLog } from '../../src/log.ts'
import type { Database } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { startServer } from '../support/postgres.ts'
import { type Ask, asksOf } from './scale-asks.ts'
import type { Filled } from './scale-fill.ts'
import { filled } from './scale-filled.ts'

const adminKey = 'an-operator-key-for-benches-only'
const tries = 7
const goalMs = 50

type Taken = Ask & {
  readonly firstMs: number
  readonly bestMs: number
  readonly medianMs: number
  readonly rows: number
}

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'sqlite' },
    calls: { type: 'string', default: '1000000' },
    accounts: { type: 'string', default: '100000' },
    /** Tells each page and not only the slowest of its kind. */
    all: { type: 'boolean', default: false },
  },
})

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function measure(database: Database, who: Filled): Promise<readonly Taken[]> {
  const address = database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url
  const { config } = loadConfig({ ADMIN_KEY: adminKey, PORT: '0', DATABASE_URL: address })
  const house = await openHouse(config, openLog('silent', false, { write: () => undefined }))
  const agent = new Agent({ connections: 1 })
  try {
    const { secret, unit } = openKeys(house.store, 0).issuing(who.busy.account, { name: 'bench' })
    await house.store.write(unit)
    const taken: Taken[] = []
    for (const ask of asksOf(who, await oldEntry(house.store, who.busy.account))) {
      taken.push(await timed(ask, house.origin, ask.door === 'admin' ? adminKey : secret, agent))
    }
    return taken
  } finally {
    await agent.destroy()
    await house.close(1000)
  }
}

async function oldEntry(store: Store, accountId: string): Promise<string> {
  const sql = 'SELECT id FROM entries WHERE account_id = $1 ORDER BY number LIMIT 200'
  return String((await store.read(sql, [accountId])).at(-1)?.['id'])
}

async function timed(ask: Ask, origin: string, secret: string, agent: Agent): Promise<Taken> {
  const times: number[] = []
  let rows = 0
  for (let left = tries; left > 0; left--) {
    const began = performance.now()
    const headers = { authorization: `Bearer ${secret}` }
    const answer = await request(`${origin}/${ask.door}/v1${ask.path}`, { headers, dispatcher: agent })
    const text = await answer.body.text()
    times.push(performance.now() - began)
    if (answer.statusCode !== 200) throw new Error(`${ask.path}: ${answer.statusCode} ${text}`)
    rows = (JSON.parse(text) as { data: unknown[] }).data.length
  }
  const sorted = times.toSorted((one, other) => one - other)
  const [bestMs = 0, medianMs = 0] = [sorted[0], sorted[Math.floor(tries / 2)]]
  return { ...ask, firstMs: times[0] ?? 0, bestMs, medianMs, rows }
}

function report(all: readonly Taken[]): void {
  tell(['family', 'pages', 'slowest first', 'slowest median', 'slowest best', 'over the goal'].join(' | '))
  for (const [family, taken] of Map.groupBy(all, (each) => each.family)) {
    const most = (column: 'firstMs' | 'medianMs' | 'bestMs') =>
      Math.max(...taken.map((each) => each[column])).toFixed(1)
    const over = taken.filter(({ medianMs }) => medianMs > goalMs).length
    tell([family, taken.length, most('firstMs'), most('medianMs'), most('bestMs'), over].join(' | '))
  }
  const shown = values.all ? all : all.filter(({ medianMs }) => medianMs > goalMs)
  for (const { door, path, firstMs, medianMs, bestMs, rows } of shown) {
    tell([`${door} ${path}`, rows, firstMs.toFixed(1), medianMs.toFixed(1), bestMs.toFixed(1)].join(' | '))
  }
}

const size = { calls: Number(values.calls), accounts: Number(values.accounts) }
const folder = mkdtempSync(join(tmpdir(), 'tollgate-bench-'))
const server = values.store === 'postgres' ? await startServer() : undefined
try {
  const database: Database = server
    ? { kind: 'postgres', url: await server.database() }
    : { kind: 'sqlite', path: join(folder, 'house.db') }
  report(await measure(database, await filled(database, size, tell)))
} finally {
  await server?.close()
  rmSync(folder, { recursive: true })
}
