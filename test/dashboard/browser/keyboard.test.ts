import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openBrowser, openPage } from '../../support/browser.ts'
import { adminKey, openTestHouse } from '../../support/house.ts'

/** Presses Tab until the focus is on what has that role and name. */
async function tabTo(page: Page, role: Parameters<Page['getByRole']>[0], name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true })
  await target.first().waitFor()
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    if (await target.first().evaluate((element) => element === element.ownerDocument?.activeElement)) return
  }
  assert.fail(`no way to ${role} ${name}`)
}

const focused = (page: Page) => page.evaluate('document.activeElement.textContent')

test('an operator without a mouse signs in, makes an account, grants it credits, and signs out', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const house = await openTestHouse(t)
  const { page, clean } = await openPage(browser, house.origin)
  await page.goto(`${house.origin}/dashboard/`)
  await page.getByRole('textbox', { name: 'Key' }).waitFor()
  await page.keyboard.type(adminKey)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  await tabTo(page, 'link', 'Accounts')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Accounts', level: 1 }).waitFor()
  await tabTo(page, 'button', 'Make an account')
  await page.keyboard.press('Enter')
  const making = page.getByRole('dialog', { name: 'Make an account' })
  await making.waitFor()
  await page.keyboard.press('Escape')
  await making.waitFor({ state: 'hidden' })
  assert.equal(await focused(page), 'Make an account')
  await page.keyboard.press('Enter')
  await making.getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor()
  await page.keyboard.type('Typed')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Typed' }).waitFor()

  await tabTo(page, 'button', 'Grant credits')
  await page.keyboard.press('Enter')
  const granting = page.getByRole('dialog', { name: 'Grant credits to Typed' })
  await granting.waitFor()
  await granting.locator(':focus').waitFor()
  if (!(await granting.getByRole('textbox', { name: 'Credits' }).and(page.locator(':focus')).count())) {
    await tabTo(page, 'textbox', 'Credits')
  }
  await page.keyboard.type('5')
  await tabTo(page, 'textbox', 'Reason')
  await page.keyboard.type('by keyboard')
  await page.keyboard.press('Enter')
  await page.getByRole('cell', { name: 'by keyboard' }).waitFor()

  await tabTo(page, 'button', 'Sign out')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in to Tollgate' }).waitFor()
  clean()
  await house.balanced()
})

test('the first Tab on a page offers to skip the menu, and everything that has the focus shows it', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const house = await openTestHouse(t)
  const { page, clean } = await openPage(browser, house.origin)
  await page.goto(`${house.origin}/dashboard/`)
  await page.getByRole('textbox', { name: 'Key' }).fill(adminKey)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await page.goto(`${house.origin}/dashboard/accounts`)
  await page.getByRole('heading', { name: 'Accounts', level: 1 }).waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await focused(page), 'Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(`document.activeElement.closest('#content') !== null`), true)
  const unmarked: string[] = []
  for (let presses = 0; presses < 25; presses++) {
    await page.keyboard.press('Tab')
    const bare = await page.evaluate(`(() => {
      const { outlineStyle, borderColor, boxShadow } = getComputedStyle(document.activeElement)
      const isField = document.activeElement.matches('input, select, textarea')
      return document.activeElement !== document.body && outlineStyle === 'none' && boxShadow === 'none' && !isField
        ? document.activeElement.outerHTML : ''
    })()`)
    if (bare !== '') unmarked.push(String(bare))
  }
  assert.deepEqual(unmarked, [])
  clean()
})
