import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Credits } from '../../src/credits.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { until } from '../support/raw-client.ts'
import { opened } from '../support/stand-in-client.ts'

test('a call whose hold was released meanwhile delivers nothing and says hold_expired', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(30)
  const { secret } = await house.key(account)
  standIn.holdAnswers()
  const reply = house.client.call(secret, { prompt: 'x' })
  await standIn.waitFor(1)
  assert.equal(await openLedger(house.store, 'another').recover('local'), 1)
  standIn.letGo()
  const { status, headers, json } = await reply
  assert.deepEqual([status, json()['name'], headers['x-credits-charged']], [503, 'hold_expired', '0'])
  assert.equal((await house.balanceOf(account)).available, 30_000_000)
  await house.balanced()
})

test('no byte of a picture goes out before its charge is on disk', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(30))
  standIn.holdAnswers()
  let answered = false
  const reply = house.client.call(secret, { prompt: 'x' }).finally(() => {
    answered = true
  })
  await standIn.waitFor(1)
  const other = new DatabaseSync(join(house.folder, 'house.db'))
  t.after(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  standIn.letGo()
  await until('the picture is made', () => standIn.calls[0]?.generated === true)
  await sleep(300)
  assert.equal(answered, false)
  other.exec('ROLLBACK')
  assert.deepEqual([(await reply).status, (await reply).headers['x-credits-charged']], [200, '3'])
  await house.balanced()
})

test('a test key draws for an account without a credit, and touches none of one that has some', async (t) => {
  const house = await openTestHouse(t)
  for (const credits of [0, 30]) {
    const account = await house.account(credits)
    const quota = { credits: 1 as Credits, period: 'day' } as const
    const { secret } = await house.key(account, { mode: 'test', quota })
    const { status, headers } = await house.client.call(secret, { prompt: 'sandbox:filtered' })
    const receipt = ['x-credits-charged', 'x-credits-price', 'x-credits-available'].map((name) => headers[name])
    assert.deepEqual([status, ...receipt], [200, '0', '3', String(credits)])
    assert.equal((await house.balanceOf(account)).posted, credits * 1_000_000)
  }
  await house.balanced()
})
