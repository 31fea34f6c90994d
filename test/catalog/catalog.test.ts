import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { core } from '../../src/catalog/stable-image.ts'
import { millionths } from '../../src/credits.ts'
import { openStore } from '../../src/store/open.ts'
import { formWith } from './form.ts'

async function storeOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-catalog-'))
  const store = await openStore({ kind: 'sqlite', path: join(folder, 'house.db') })
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return store
}

test('Stable Image Core is sold at two paths for a flat three credits', async (t) => {
  const { offers, ids } = await openCatalog(await storeOf(t))
  assert.deepEqual(ids, ['stable-image-core'])
  const [offer] = offers
  assert.deepEqual(offer?.paths, ['/sd/v2beta/stable-image/generate/core', '/v2beta/stable-image/generate/core'])
  assert.deepEqual([offer?.method, offer?.path, offer?.upstream], ['POST', offer?.paths[1], 'stability'])
  assert.equal(offer?.quote(formWith(['prompt', 'a lighthouse'])).most, 3_000_000)
})

test('an offer without a price opens no house', async (t) => {
  const store = await storeOf(t)
  for (const price of [millionths(0), millionths(-1)]) {
    await assert.rejects(openCatalog(store, [{ ...core, price }]), /has no price/)
  }
})
