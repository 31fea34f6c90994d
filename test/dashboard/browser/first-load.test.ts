import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openBrowser, openPage } from '../../support/browser.ts'
import { settled } from '../../support/dashboard.ts'
import { openFurnished } from '../../support/furnished.ts'
import { adminKey } from '../../support/house.ts'
import { signIn } from '../../support/signed-in.ts'

/** Bytes that come over the wire while a page is opened with nothing kept from before, heads included. */
async function bytesFor(page: Page, url: string): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  let bytes = 0
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength
  })
  await page.goto(url)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await settled(page)
  return bytes
}

test('the first load is under 350 kB, at the door and on the first page of each kind of visitor', async (t) => {
  const browser = await openBrowser(t)
  if (!browser) return
  const { house, key } = await openFurnished(t, 'Lighthouse')
  const url = `${house.origin}/dashboard/`
  for (const [who, secret] of Object.entries({ nobody: undefined, operator: adminKey, holder: key.secret })) {
    const { page, clean } = await openPage(browser, house.origin)
    if (secret !== undefined) {
      const [name = '', value = ''] = (await signIn(house, secret)).cookie.split('=')
      await page.context().addCookies([{ name, value, url: house.origin }])
    }
    const bytes = await bytesFor(page, url)
    t.diagnostic(`${who}: ${bytes} bytes`)
    assert.ok(bytes < 350_000, `${who}: ${bytes} bytes`)
    clean()
  }
})
