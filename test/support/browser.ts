import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { TestContext } from 'node:test'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']
const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']

/** A browser of the machine's own, or undefined where there is none: then the test says what it left out, and CI fails. */
export async function openBrowser(t: TestContext): Promise<Browser | undefined> {
  const executablePath = browserHere()
  if (executablePath === undefined) {
    const about = `no browser here (${names.join(', ')}): the pages were not looked at`
    assert.ok(!process.env['CI'], about)
    process.stderr.write(`LEFT OUT: ${about}\n`)
    t.diagnostic(`LEFT OUT: ${about}`)
    return undefined
  }
  const args = ['--no-sandbox', '--disable-gpu', '--disable-sync', ...quiet]
  const browser = await chromium.launch({ executablePath, args })
  t.after(() => browser.close())
  return browser
}

function browserHere(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export type Watched = {
  readonly page: Page
  /** Fails if anything was asked of another house, or the page complained or threw. */
  clean(): void
  /** From now on a refusal with this status is part of the walk. */
  expectRefusals(...statuses: readonly number[]): void
}

/** A page of its own, with cookies of its own, and everything it asked for, said or threw. */
export async function openPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const foreign: string[] = []
  const said: string[] = []
  const expected = new Set<number>()
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !url.startsWith(`blob:${origin}/`) && !url.startsWith('data:'))
      foreign.push(url)
  })
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isRefusal(message.text(), message.location().url)) {
      said.push(`${message.text()} (${message.location().url})`)
    }
  })
  page.on('pageerror', (error) => said.push(error.stack ?? error.message))

  // A browser complains of every refusal; the first look at who is signed in is one, since nobody is.
  function isRefusal(text: string, url: string): boolean {
    const status = Number(/^Failed to load resource: the server responded with a status of (\d+)/.exec(text)?.[1])
    return expected.has(status) || (status === 401 && url === `${origin}/dashboard/session`)
  }

  return {
    page,
    expectRefusals: (...statuses) => statuses.forEach((status) => void expected.add(status)),
    clean() {
      assert.deepEqual(foreign, [])
      assert.deepEqual(said, [])
    },
  }
}

/** Waits until an expression is true on the page; asked from outside, since the policy of the page lets nothing be made to run. */
export async function until(page: Page, expression: string): Promise<void> {
  for (let tries = 600; !(await page.evaluate(expression)); tries--) {
    assert.ok(tries > 0, `never true: ${expression}`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
}

type Violation = {
  readonly id: string
  readonly impact: string | null
  readonly help: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}
type WithAxe = { readonly axe: { run(): Promise<{ readonly violations: readonly Violation[] }> } }

/** What axe calls serious or critical on the page as it stands. It is run past the page's policy, which lets nothing in. */
export async function seriousFaults(page: Page): Promise<readonly string[]> {
  // Colours that fade are measured halfway and found too pale; what never ends shows that something is waited for.
  const still =
    'document.getAnimations().every((each) => each.playState !== "running" || each.effect.getTiming().iterations === Infinity)'
  await until(page, still)
  await page.evaluate(axe.source)
  const violations = await page.evaluate(async () => (await (globalThis as unknown as WithAxe).axe.run()).violations)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary}`),
    )
}
