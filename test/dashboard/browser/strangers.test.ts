import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good } from '../../support/admin.ts'
import { openBrowser, openPage } from '../../support/browser.ts'
import { enter, visit } from '../../support/dashboard.ts'
import { openFurnished } from '../../support/furnished.ts'
import { adminKey } from '../../support/house.ts'

test("a stranger's account and calls are not found, with an account's key as with an operator's", async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const { house, account, call } = await openFurnished(t, 'Lighthouse')
  const { secret } = await house.key(await house.account(1), { name: 'somebody else' })
  const { page, clean, expectRefusals } = await openPage(browser, house.origin)
  expectRefusals(404)
  await enter(page, house.origin, secret)
  await page.getByText('Can be spent now').waitFor()
  await page.goto(`${house.origin}/dashboard/calls/${call}`)
  await page.getByText('There is no such call.').waitFor()
  await page.goto(`${house.origin}/dashboard/accounts/${account}`)
  await page.getByRole('heading', { name: 'Not found' }).waitFor()
  assert.ok(!(await page.content()).includes('Lighthouse'))
  clean()

  const operator = await openPage(browser, house.origin)
  operator.expectRefusals(404)
  await enter(operator.page, house.origin, adminKey)
  await operator.page.goto(
    `${house.origin}/dashboard/accounts/${account.slice(0, -1)}${account.endsWith('0') ? '1' : '0'}`,
  )
  await operator.page.getByText('There is no such account.').waitFor()
  operator.clean()
})

test('a key that ends during a visit ends the visit: the next thing asked leads back to the door', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const { house, key } = await openFurnished(t, 'Lighthouse')
  const { page, clean, expectRefusals } = await openPage(browser, house.origin)
  expectRefusals(401)
  await enter(page, house.origin, key.secret)
  await visit(page, 'Keys')
  good(await house.admin('POST', `/keys/${key.id}/revoke`))
  await page.getByRole('navigation').getByRole('link', { name: 'Calls', exact: true }).click()
  await page.getByRole('heading', { name: 'Sign in to Tollgate' }).waitFor()
  clean()
})

test('a wrong key at the door is told so and leaves nothing behind', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const { house } = await openFurnished(t, 'Lighthouse')
  const { page, clean, expectRefusals } = await openPage(browser, house.origin)
  expectRefusals(401)
  await page.goto(`${house.origin}/dashboard/`)
  await page.getByRole('textbox', { name: 'Key' }).fill('tg_live_wrong')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('alert').getByText('not valid').waitFor()
  assert.deepEqual(await page.context().cookies(), [])
  clean()
})
