import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { until } from './browser.ts'

/** Opens the house in a browser and signs in with a key, as a person does. */
export async function enter(page: Page, origin: string, key: string): Promise<void> {
  await page.goto(`${origin}/`)
  await signInHere(page, key)
}

/** Signs in where the door is shown. */
export async function signInHere(page: Page, key: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Key' }).fill(key)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('navigation', { name: 'Pages' }).waitFor({ state: 'attached' })
}

export async function leave(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in to Tollgate' }).waitFor()
}

/** Goes to a page of the menu. */
export async function visit(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
  await page.getByRole('heading', { name, level: 1, exact: true }).waitFor()
}

/** Waits until everything that was asked has been answered and shown. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle')
  await until(page, `document.querySelector('[role=status] .mantine-Loader-root, [aria-busy=true]') === null`)
}

/** Everything a script could read in this browser, which must not be a key. */
export async function readable(page: Page): Promise<string> {
  const text = await page.evaluate(
    `JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state, location.href])`,
  )
  assert.ok(typeof text === 'string')
  return text
}

/** Waits until a picture was loaded and can be seen. */
export async function pictureShown(page: Page, name: string): Promise<void> {
  await page.getByRole('img', { name }).waitFor()
  await until(
    page,
    `[...document.images].some((image) => image.alt === ${JSON.stringify(name)} && image.naturalWidth > 0)`,
  )
}
