import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openBrowser, openPage } from '../support/browser.ts'
import { openTestHouse } from '../support/house.ts'

const languages = [
  ...['Shell', 'JavaScript', 'Java', 'Swift', 'Go', 'PHP', 'Python', 'HTTP', 'C', 'C#', 'Objective-C', 'Ruby'],
  ...['OCaml', 'Dart', 'R'],
]

async function samplesOn(page: Page): Promise<readonly string[]> {
  await page.getByRole('button', { name: /^More Select from all clients/ }).click()
  const list = page.getByRole('listbox')
  await list.first().waitFor()
  const texts = await list.first().locator('*').allTextContents()
  await page.keyboard.press('Escape')
  return texts.map((text) => text.trim())
}

test('the page of the API asks only this house, shows samples in every language, and tries a paid call', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const house = await openTestHouse(t)
  const { secret } = await house.key(await house.account(0), { mode: 'test' })
  const { page, clean } = await openPage(browser, house.origin, { viewport: { width: 1440, height: 1000 } })
  page.setDefaultTimeout(60_000)
  await page.goto(`${house.origin}/docs`)
  await page.getByRole('heading', { name: 'Tollgate' }).waitFor()

  const told = await samplesOn(page)
  const missing = languages.filter((each) => !told.includes(each))
  assert.deepEqual(missing, [], told.join(', '))

  await page.getByPlaceholder('Token').first().fill(secret)
  await page.getByText('paid calls').first().click()
  await page
    .getByRole('button', { name: /^Test Request/ })
    .first()
    .click()
  const answered = page.waitForResponse((response) => response.request().method() === 'POST')
  await page.getByRole('button', { name: /^Send/ }).first().click()
  const answer = await answered
  assert.deepEqual([answer.status(), answer.headers()['content-type']], [200, 'image/png'])
  assert.equal(answer.headers()['x-tollgate-mode'], 'test')
  const picture = page.locator('img[src^="blob:"]').first()
  await picture.waitFor()
  await page.waitForFunction(() => ((globalThis as unknown as Shown).document.images[0]?.naturalWidth ?? 0) > 0)

  clean()
  await house.balanced()
})

/** What is used of a page's globals; the DOM is no part of the types of this project. */
type Shown = { readonly document: { readonly images: { readonly naturalWidth: number }[] } }

test('the page and its scripts come from here, and its policy lets nothing in from elsewhere', async (t) => {
  const house = await openTestHouse(t)
  const get = (path: string, headers: Record<string, string> = {}) => house.client.json('GET', path, undefined, headers)
  const short = await get('/docs')
  assert.deepEqual([short.status, short.headers['location']], [302, 'docs/'])
  const types = { '/docs/': 'text/html', '/docs/start.js': 'text/javascript', '/docs/scalar.js': 'text/javascript' }
  for (const [path, type] of Object.entries(types)) {
    const reply = await get(path, { 'accept-encoding': 'gzip' })
    assert.equal(reply.status, 200, path)
    assert.equal(reply.headers['content-type'], `${type}; charset=utf-8`, path)
    const policy = String(reply.headers['content-security-policy'])
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      assert.ok(policy.split('; ').includes(rule), `${path}: ${rule}`)
    }
    assert.ok(!policy.includes('http') && !policy.includes('unsafe-eval'), policy)
    assert.equal((await get(path, { 'if-none-match': String(reply.headers['etag']) })).status, 304, path)
  }
  const [plain, zipped] = [await get('/docs/scalar.js'), await get('/docs/scalar.js', { 'accept-encoding': 'gzip' })]
  assert.deepEqual([plain.headers['content-encoding'], zipped.headers['content-encoding']], [undefined, 'gzip'])
  assert.ok(plain.body.length > 3 * zipped.body.length)
  for (const path of ['/docs/', '/docs/start.js']) assert.ok(!/https?:|\/\/\w/.test((await get(path)).body.toString()))
})
