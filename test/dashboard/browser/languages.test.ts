import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openBrowser, openPage } from '../../support/browser.ts'
import { enter, settled } from '../../support/dashboard.ts'
import { holderPages, openFurnished, operatorPages } from '../../support/furnished.ts'
import { adminKey } from '../../support/house.ts'

/** What a person reads on the page, names of controls included. */
async function textOf(page: Page): Promise<string> {
  const names = `[...document.querySelectorAll('[aria-label], [placeholder], [title]')]
    .flatMap((each) => ['aria-label', 'placeholder', 'title'].map((name) => each.getAttribute(name) ?? ''))`
  return String(await page.evaluate(`[document.title, document.body.innerText, ...${names}].join('\\n')`))
}

/** A key of a text in place of the text, such as `accounts.make`. */
const untranslated = /(?<![\w./:@-])[a-z]+(?:[A-Z][a-z]+)*(?:\.[a-z]+[A-Za-z]*)+(?![\w./:@-])/g
/** What the API calls things is the same in every language. */
const ofTheApi =
  /^(accounts|calls|grants|keys|offers|operators|tokens|webhooks|webhook|account|key|token|upstream|books|credits|entries|picture)\.[a-z_]+$/

test('every page speaks both languages, the one the browser asks for first, and remembers the one chosen', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const furnished = await openFurnished(t, 'Lighthouse')
  const { house, key } = furnished
  const chinese = await openPage(browser, house.origin, { locale: 'zh-CN' })
  await chinese.page.goto(`${house.origin}/dashboard/`)
  await chinese.page.getByRole('heading', { name: /登录/ }).waitFor()
  await chinese.page.getByRole('textbox').fill(adminKey)
  await chinese.page.keyboard.press('Enter')
  await chinese.page.getByRole('navigation').waitFor()
  for (const path of operatorPages(furnished)) await readThere(chinese.page, path)
  chinese.clean()

  const english = await openPage(browser, house.origin)
  await enter(english.page, house.origin, key.secret)
  await english.page.getByRole('button', { name: 'Language' }).click()
  await english.page.getByRole('menuitemradio', { name: '简体中文' }).click()
  for (const path of holderPages(furnished)) await readThere(english.page, path)
  await english.page.getByRole('button', { name: '语言' }).click()
  await english.page.getByRole('menuitemradio', { name: 'English' }).click()
  await english.page.getByRole('button', { name: 'Language' }).waitFor()
  assert.equal(await english.page.evaluate('document.documentElement.lang'), 'en')
  english.clean()

  async function readThere(page: Page, path: string): Promise<void> {
    await page.goto(`${house.origin}/dashboard/${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await settled(page)
    assert.equal(await page.evaluate('document.documentElement.lang'), 'zh-CN')
    const text = await textOf(page)
    assert.match(text, /\p{Script=Han}{4}/u, path)
    const keys = [...text.matchAll(untranslated)].map(([word]) => word).filter((word) => !ofTheApi.test(word))
    assert.deepEqual(keys, [], path)
  }
})
