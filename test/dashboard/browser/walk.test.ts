import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, openPage } from '../../support/browser.ts'
import { enter, leave, pictureShown, readable, signInHere, visit } from '../../support/dashboard.ts'
import { behind, openTestHouse } from '../../support/house.ts'
import { opened } from '../../support/stand-in-client.ts'

test('from the first start to a refund: the operator sells, the holder buys, and each sees what the other did', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const house = await openTestHouse(t, behind(await opened(t), { ADMIN_KEY: undefined }))
  const operatorKey = house.first.adminKey ?? ''
  const { page, clean } = await openPage(browser, house.origin)

  await enter(page, house.origin, operatorKey)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await visit(page, 'Accounts')
  await page.getByRole('button', { name: 'Make an account' }).first().click()
  const making = page.getByRole('dialog', { name: 'Make an account' })
  await making.getByLabel('Name').fill('Team Lighthouse')
  await making.getByRole('button', { name: 'Make account' }).click()
  await page.getByRole('heading', { name: 'Team Lighthouse' }).waitFor()

  await page.getByRole('button', { name: 'Grant credits' }).click()
  const granting = page.getByRole('dialog', { name: 'Grant credits to Team Lighthouse' })
  await granting.getByLabel('Credits').fill('10')
  await granting.getByLabel('Reason').fill('a first purchase')
  await granting.getByRole('button', { name: 'Grant', exact: true }).click()
  await page.getByRole('cell', { name: 'a first purchase' }).waitFor()

  await page.getByRole('tab', { name: 'Keys' }).click()
  await page.getByRole('button', { name: 'Make a key' }).first().click()
  const issuing = page.getByRole('dialog', { name: 'Make a key' })
  await issuing.getByLabel('Name').fill('the newsletter')
  await issuing.getByRole('button', { name: 'Make key' }).click()
  const shown = page.getByRole('dialog', { name: 'Your new key' })
  const secret = (await shown.getByLabel('the secret', { exact: true }).textContent())?.trim() ?? ''
  assert.match(secret, /^tg_live_[0-9A-Za-z]{38}$/)
  await shown.getByRole('button', { name: 'I have stored it' }).click()
  await shown.waitFor({ state: 'hidden' })
  await page.reload()
  await page.getByRole('tab', { name: 'Keys' }).click()
  await page.getByRole('row', { name: /the newsletter/ }).waitFor()
  assert.ok(!(await page.content()).includes(secret))
  await leave(page)

  await signInHere(page, secret)
  await page.getByRole('heading', { name: 'Team Lighthouse', level: 1 }).waitFor()
  await visit(page, 'Playground')
  await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('a lighthouse at dawn')
  await page.getByRole('button', { name: 'Make the picture' }).click()
  const spending = page.getByRole('dialog', { name: 'Spend credits?' })
  await spending.getByRole('button', { name: 'Make the picture' }).click()
  await pictureShown(page, 'a lighthouse at dawn')
  await visit(page, 'Calls')
  await page.getByRole('row', { name: /Succeeded/ }).waitFor()
  assert.ok(!(await readable(page)).includes(secret))
  await leave(page)

  await signInHere(page, operatorKey)
  await visit(page, 'Calls')
  await page
    .getByRole('row', { name: /Succeeded/ })
    .getByRole('link')
    .first()
    .click()
  await page.getByRole('button', { name: 'Refund' }).click()
  const refunding = page.getByRole('dialog', { name: 'Refund this call?' })
  await refunding.getByLabel('Reason').fill('a gift')
  await refunding.getByRole('button', { name: 'Give back' }).click()
  await page.getByText('Given back: a gift.').waitFor()
  await leave(page)
  await page.goBack()
  await page.getByRole('heading', { name: 'Sign in to Tollgate' }).waitFor()
  assert.ok(!(await readable(page)).includes('tg_'))

  clean()
  const [account] = await house.store.read('SELECT id FROM accounts')
  assert.deepEqual(await house.balanceOf(String(account?.['id'])), {
    posted: 10_000_000,
    held: 0,
    available: 10_000_000,
  })
  assert.equal((await house.store.read('SELECT digest FROM sessions')).length, 0)
  await house.balanced()
})
