import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { BrowserContextOptions } from 'playwright-core'
import { openBrowser, openPage, seriousFaults, type Watched } from '../../support/browser.ts'
import { enter, settled } from '../../support/dashboard.ts'
import { holderPages, openFurnished, operatorPages } from '../../support/furnished.ts'
import { adminKey } from '../../support/house.ts'

type Shown = Watched & { readonly path: string }

/** Shows every page of both kinds of visitor in a browser of that kind, and looks at each. */
async function everyPage(t: TestContext, options: BrowserContextOptions, look: (shown: Shown) => Promise<void>) {
  const browser = await openBrowser(t)
  if (!browser) return
  const furnished = await openFurnished(t, 'Lighthouse & Sons')
  const { house, key } = furnished
  for (const [secret, paths] of [
    [adminKey, operatorPages(furnished)],
    [key.secret, holderPages(furnished)],
  ] as const) {
    const watched = await openPage(browser, house.origin, options)
    await enter(watched.page, house.origin, secret)
    for (const path of paths) {
      await watched.page.goto(`${house.origin}/dashboard/${path}`)
      await watched.page.getByRole('heading', { level: 1 }).waitFor()
      await settled(watched.page)
      await look({ ...watched, path })
    }
    watched.clean()
  }
}

const narrow = { viewport: { width: 390, height: 844 } }

test('axe finds nothing serious on any page, and no page is wider than a screen: light and wide', async (t) => {
  await everyPage(t, { colorScheme: 'light' }, sound)
})

test('axe finds nothing serious on any page, and no page is wider than a screen: dark and 390 pixels', async (t) => {
  await everyPage(t, { colorScheme: 'dark', ...narrow }, sound)
})

async function sound({ page, path }: Shown): Promise<void> {
  assert.deepEqual(await seriousFaults(page), [], path)
  const [content, screen] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as number[]
  assert.ok((content ?? 0) <= (screen ?? 0), `${path}: ${content} pixels of page on ${screen} of screen`)
}

test('axe finds nothing serious in dialogs and menus, and would find what is put there', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const { house, account, call } = await openFurnished(t, 'Lighthouse')
  const { page, clean } = await openPage(browser, house.origin, narrow)
  await enter(page, house.origin, adminKey)
  await page.getByRole('button', { name: 'Open the menu' }).click()
  await page.getByRole('link', { name: 'Accounts' }).waitFor()
  assert.deepEqual(await seriousFaults(page), [], 'menu')
  await page.getByRole('button', { name: 'Language' }).click()
  await page.getByRole('menuitemradio').first().waitFor()
  assert.deepEqual(await seriousFaults(page), [], 'languages')
  const dialogs = { accounts: 'Make an account', [`accounts/${account}`]: 'Grant credits', [`calls/${call}`]: 'Refund' }
  for (const [path, button] of Object.entries({
    ...dialogs,
    operators: 'Make an operator',
    webhooks: 'Make a webhook',
  })) {
    await page.goto(`${house.origin}/dashboard/${path}`)
    await page.getByRole('button', { name: button, exact: true }).first().click()
    await page.getByRole('dialog').waitFor()
    await settled(page)
    assert.deepEqual(await seriousFaults(page), [], button)
  }
  clean()
  await page.evaluate(`document.querySelector('[role=dialog]').append(document.createElement('input'))`)
  assert.match(String(await seriousFaults(page)), /^label: /)
})
