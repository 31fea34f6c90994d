import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, openPage, type Watched } from '../../support/browser.ts'
import { enter, settled } from '../../support/dashboard.ts'
import { holderPages, openFurnished, operatorPages } from '../../support/furnished.ts'
import { adminKey } from '../../support/house.ts'

const markup = [
  ...[`"'><img src=x onerror="document.title='BROKEN'"><script>document.title='BROKEN'</script>`],
  ...['<b>bold</b> &lt;i&gt; {{name}} $t(nav.keys) javascript:alert(1)'],
].join('')

test('names, reasons and prompts full of markup and script stay the text they are, on every page', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const furnished = await openFurnished(t, markup)
  const { house, account, key } = furnished
  const seen = { operator: new Set<string>(), holder: new Set<string>() }

  const operator = await openPage(browser, house.origin)
  await enter(operator.page, house.origin, adminKey)
  for (const path of operatorPages(furnished)) await look(operator, path, seen.operator)
  await operator.page.goto(`${house.origin}/dashboard/accounts/${account}`)
  await operator.page.getByRole('button', { name: 'Grant credits' }).click()
  await operator.page.getByRole('dialog').getByText(markup).waitFor()
  await harmless(operator)
  operator.clean()

  const holder = await openPage(browser, house.origin)
  await enter(holder.page, house.origin, key.secret)
  for (const path of holderPages(furnished)) await look(holder, path, seen.holder)
  await holder.page.goto(`${house.origin}/dashboard/playground`)
  await holder.page.getByRole('textbox', { name: 'Prompt', exact: true }).fill(markup)
  await holder.page.getByRole('button', { name: 'Make the picture' }).click()
  await holder.page.getByRole('dialog').getByRole('button', { name: 'Make the picture' }).click()
  assert.equal(await holder.page.locator('img[src^="blob:"]').getAttribute('alt'), markup)
  await harmless(holder)
  holder.clean()

  for (const path of ['accounts', 'keys', 'operators', `accounts/${account}`]) assert.ok(seen.operator.has(path), path)
  for (const path of ['keys', '']) assert.ok(seen.holder.has(path), path)
  await house.balanced()

  async function look(watched: Watched, path: string, found: Set<string>): Promise<void> {
    const { page } = watched
    await page.goto(`${house.origin}/dashboard/${path}`)
    await page.getByRole('heading', { level: 1 }).waitFor()
    await settled(page)
    await harmless(watched)
    const text = String(await page.evaluate('document.body.textContent'))
    if (text.includes(markup)) found.add(path)
  }
})

async function harmless({ page }: Watched): Promise<void> {
  const made = `document.querySelectorAll('img[src=x], #app script, b').length`
  assert.deepEqual(await page.evaluate(`[${made}, document.title === 'BROKEN']`), [0, false])
}
