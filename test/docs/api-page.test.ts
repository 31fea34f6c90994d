import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataOf, good } from '../support/admin.ts'
import { adminKey, behind, openTestHouse } from '../support/house.ts'
import { checkout, openPlace } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

/** What a reader of the page pastes into a shell, after the house is started; for a house of this test. */
function pasted(origin: string): string {
  const page = readFileSync(join(checkout, 'docs/api.md'), 'utf8')
  const [start, ...blocks] = Array.from(page.matchAll(/```sh\n(.*?)```/gs), ([, block = '']) => block)
  assert.match(String(start), /npm start/)
  const own = /export HOUSE=\S+ ADMIN=\S+/
  assert.match(blocks.join('\n'), own)
  return blocks.join('\n').replace(own, `export HOUSE=${origin} ADMIN=${adminKey}`)
}

function hasCurl(): boolean {
  try {
    return execFileSync('curl', ['--version']).length > 0
  } catch {
    return false
  }
}

test('docs/api.md by curl alone: an account, 100 credits, a bounded key, its rotation, a call, a refund, the statement, the books', async (t) => {
  if (!hasCurl()) {
    assert.ok(!process.env['CI'], 'curl is missing here')
    console.log('LEFT OUT: no curl here: docs/api.md was not followed.')
    return
  }
  const house = await openTestHouse(t, behind(await opened(t)))
  const place = openPlace(t)
  const script = `set -euo pipefail\n${pasted(house.origin)}`
  const env = { PATH: [join(process.execPath, '..'), process.env['PATH']].join(':') }
  const { code, stdout, stderr } = await place.run({ command: ['bash', '-c', script], env })
  assert.equal(code, 0, stderr)
  assert.ok(stdout.includes('"balanced":true'), stdout)
  assert.match(stdout, /^,closing,0,100,/m)
  assert.match(stdout, /^x-credits-charged: 3\r?$/m)

  const [account] = dataOf(await house.admin('GET', '/accounts'))
  assert.deepEqual(account?.['balance'], { posted: 100, held: 0, available: 100 })
  const entries = dataOf(await house.admin('GET', `/accounts/${account?.['id']}/entries`))
  assert.deepEqual(
    entries.map(({ kind, credits }) => [kind, credits]),
    [
      ['refund', 3],
      ['charge', -3],
      ['grant', 100],
    ],
  )
  const [key] = dataOf(await house.admin('GET', `/keys?account=${account?.['id']}`))
  assert.deepEqual(
    [key?.['offers'], key?.['quota'], key?.['rate']],
    [['stable-image-core'], { credits: 30, period: 'day' }, { calls: 10, window_seconds: 60 }],
  )
  const did = dataOf(await house.admin('GET', '/audit')).map(({ action }) => action)
  const money = ['accounts.create', 'grants.create', 'keys.create', 'keys.rotate', 'calls.refund']
  const hooks = ['webhooks.create', 'webhooks.test', 'webhooks.change', 'webhooks.delete']
  assert.deepEqual(did.toReversed(), [...money, ...hooks])
  assert.equal(good(await house.admin('GET', '/books'))['imbalance'], '0')
  await house.balanced()
})
