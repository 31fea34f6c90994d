import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { KeyWish } from '../../src/keys/keys.ts'
import type { Reply } from '../support/client.ts'
import { behind } from '../support/house.ts'
import { openPlace } from '../support/process.ts'
import { serving } from '../support/serving.ts'
import { opened } from '../support/stand-in-client.ts'

const dayMs = 86_400_000
const preload = fileURLToPath(new URL('../support/moved-clock.ts', import.meta.url))
const jumps = { 'a day ahead': dayMs, 'a day back': -dayMs, 'ten years ahead': 3653 * dayMs }

async function opening(t: TestContext, wish: Partial<KeyWish> = {}) {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300, wish)
  const file = join(place.folder, 'moved-clock')
  const env = behind(standIn, { MOVED_CLOCK: file })
  const house = await serving(t, place, { env, node: ['--import', preload] })

  /** Resolves once the house has seen it. */
  async function move(ms: number): Promise<void> {
    writeFileSync(file, String(ms))
    house.kill('SIGUSR2')
    await house.until(new RegExp(`the clock is moved by ${ms}\n`))
  }

  const call = (): Promise<Reply> => house.client.call(secret, { prompt: 'a lighthouse' })
  return { standIn, place, house, move, call }
}

for (const [jump, ms] of Object.entries(jumps)) {
  test(`a clock that jumps ${jump} ends no hold and no call, and ids and entries stay in their order`, async (t) => {
    const { standIn, place, house, move, call } = await opening(t)
    const before = await call()
    standIn.holdAnswers()
    const running = Array.from({ length: 3 }, call)
    await standIn.waitFor(4)
    await move(ms)
    assert.deepEqual(
      place.rows(`SELECT state FROM calls WHERE state <> 'settled'`).map(({ state }) => state),
      ['held', 'held', 'held'],
    )
    standIn.letGo()
    for (const { status, headers } of await Promise.all(running)) {
      assert.deepEqual([status, headers['x-credits-charged']], [200, '3'])
    }
    const after = await call()
    await move(0)
    const last = await call()
    const ids = [before, after, last].map(({ headers }) => headers['x-request-id'] ?? '')
    assert.deepEqual([...ids].sort(), ids)
    const entries = place.rows('SELECT id, number FROM entries ORDER BY number')
    assert.deepEqual(
      entries.map(({ id }) => id).sort(),
      entries.map(({ id }) => id),
    )
    assert.deepEqual(
      entries.map(({ number }) => number),
      [1, 2, 3, 4, 5, 6, 7],
    )
    await house.balanced()
  })
}

test('a quota by day is fresh on the next day, and a clock put back opens no day again', async (t) => {
  const { house, move, call } = await opening(t, { quota: { credits: 3_000_000 as never, period: 'day' } })
  assert.equal((await call()).status, 200)
  assert.deepEqual([(await call()).status], [429])
  await move(dayMs)
  assert.equal((await call()).status, 200)
  const spent = await call()
  assert.deepEqual([spent.status, spent.json()['name']], [429, 'quota_exceeded'])
  await move(0)
  const back = await call()
  assert.deepEqual([back.status, back.json()['name']], [429, 'quota_exceeded'])
  await house.balanced()
})

for (const [jump, ms] of Object.entries(jumps)) {
  test(`a rate window lasts no longer than its length after a clock that jumps ${jump}`, async (t) => {
    const { house, move, call } = await opening(t, { rate: { calls: 1, windowSeconds: 2 } })
    assert.equal((await call()).status, 200)
    await move(ms)
    const soon = await call()
    assert.ok(Number(soon.headers['retry-after'] ?? 0) <= 2)
    await sleep(2100)
    assert.equal((await call()).status, 200)
    await house.balanced()
  })
}

test('a key expires by the clock, and one that jumps back brings no revoked key back', async (t) => {
  const { place, house, move, call } = await opening(t, { expiresAtMs: Date.now() + dayMs / 2 })
  assert.equal((await call()).status, 200)
  await move(dayMs)
  assert.equal((await call()).status, 401)
  await move(0)
  assert.equal((await call()).status, 200)
  const [key] = place.rows('SELECT id FROM keys')
  assert.equal((await house.admin('POST', `/keys/${key?.['id']}/revoke`)).status, 200)
  await move(-dayMs)
  assert.equal((await call()).status, 401)
  await house.balanced()
})
