/**
 * How long each page of the dashboard takes to show its first rows in Chromium, in a house with many calls, and whether
 * following the calls slows a loaded house.
 * npm run build && node test/bench/pages.ts [--calls 1000000] [--accounts 100000] [--seconds 5]     (some five minutes)
 *
 * Prints for each page the milliseconds from the address to its rows, the first, the median and the best of five loads in
 * one browser; then the calls per second of 16 callers alone, beside the requests of the page of calls when it is
 * followed, and beside that page in a browser on the same processors, in turn, and their ratios.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import { request } from 'undici'
import { enter, settled } from '../support/dashboard.ts'
import { adminKey, orderFor, startTollgate, type Tollgate } from './compare-tollgate.ts'
import { type Load, startLoad, startUpstream } from './crew.ts'
import { workloads } from './parcels.ts'
import { filled } from './scale-filled.ts'
import { spreadOf, spreadText, tableText } from './spread.ts'

const tries = 5
const rounds = 5
const inFlight = 16

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '1000000' },
    accounts: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '5' },
  },
})

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** First, median and best milliseconds from the address to the rows. */
async function timed(page: Page, url: string): Promise<readonly number[]> {
  const times: number[] = []
  for (let left = tries; left > 0; left--) {
    const began = performance.now()
    await page.goto(url)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.locator('tbody tr, dl, svg.recharts-surface, form').first().waitFor()
    times.push(performance.now() - began)
    await settled(page)
  }
  const sorted = times.toSorted((one, other) => one - other)
  return [times[0] ?? 0, sorted[Math.floor(tries / 2)] ?? 0, sorted[0] ?? 0]
}

/** Calls per second of callers who never pause. */
async function callsPerSecond(load: Load, house: Tollgate): Promise<number> {
  const [work] = workloads
  if (!work) throw new Error('there is no workload')
  const times = { warmMs: 500, countMs: Number(values.seconds) * 1000, leastCalls: 1 }
  const count = await load.run({ ...orderFor(house, work, inFlight), ...times })
  if (count.wrong > 0) throw new Error(count.fault)
  return count.calls / count.seconds
}

/** What the page asks of the house, without the browser, which takes its share of the same processors. */
function ask(origin: string): NodeJS.Timeout {
  const headers = { authorization: `Bearer ${adminKey}` }
  return setInterval(() => {
    void request(`${origin}/admin/v1/calls?limit=50`, { headers }).then(({ body }) => body.dump())
  }, 2000)
}

async function follow(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/dashboard/calls`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  const live = page.getByRole('switch').first()
  if (!(await live.isChecked())) await live.check({ force: true })
}

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'))
const path = join(folder, 'filled.db')
const who = await filled(
  { kind: 'sqlite', path },
  { calls: Number(values.calls), accounts: Number(values.accounts) },
  tell,
)
const upstream = await startUpstream('small', undefined)
const house = await startTollgate(join(folder, 'house'), {
  databaseUrl: `sqlite:${path}`,
  upstreamPort: upstream.port,
  core: undefined,
})
const load = await startLoad(undefined)
const executablePath = '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
try {
  const origin = `http://127.0.0.1:${house.port}`
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' })).newPage()
  await enter(page, origin, adminKey)
  const account = `accounts/${who.busy.account}`
  const paths = [
    '',
    'accounts',
    account,
    'keys',
    'calls',
    `calls/${who.call}`,
    'offers',
    'audit',
    'operators',
    'settings',
  ]
  const rows: string[][] = []
  for (const each of paths) {
    const times = await timed(page, `${origin}/dashboard/${each}`)
    const name = each.replace(/(acc|call)_\w+/, ':id') || 'overview'
    rows.push([name, ...times.map((ms) => ms.toFixed(0))])
  }
  tell(tableText(['page', 'first', 'median', 'best'], rows))
  const ratios: number[] = []
  const asked: number[] = []
  for (let round = 0; round < rounds; round++) {
    await page.goto('about:blank')
    const without = await callsPerSecond(load, house)
    const asking = ask(origin)
    const alone = await callsPerSecond(load, house)
    clearInterval(asking)
    await follow(page, origin)
    const followed = await callsPerSecond(load, house)
    const told = [without, alone, followed].map((each) => each.toFixed(0))
    tell(`round ${round + 1}: ${told[0]} calls/s, ${told[1]} with the requests of the page, ${told[2]} with the page`)
    ratios.push(followed / without)
    asked.push(alone / without)
  }
  tell(`with the requests of the page, to without: ${spreadText(spreadOf(asked), 2)}`)
  tell(`with the page in a browser on the same processors: ${spreadText(spreadOf(ratios), 2)}`)
} finally {
  await browser.close()
  await load.close()
  await house.close()
  await upstream.close()
  rmSync(folder, { recursive: true })
}
