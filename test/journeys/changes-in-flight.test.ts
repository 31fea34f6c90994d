import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, openTestHouse, type TestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

type Ids = { readonly account: string; readonly key: string }

/** What an operator can do to a call that is at the upstream, and what the next call is told. */
const acts: Readonly<Record<string, readonly [act: (house: TestHouse, ids: Ids) => Promise<unknown>, next: string]>> = {
  'the price is changed': [
    (house) => house.admin('PATCH', '/offers/stable-image-core', { credits: 5, reason: 'dearer' }),
    'paid 5',
  ],
  'the key is revoked': [(house, { key }) => house.admin('POST', `/keys/${key}/revoke`), 'unauthorized'],
  'the account is suspended': [
    (house, { account }) => house.admin('PATCH', `/accounts/${account}`, { status: 'suspended' }),
    'account_suspended',
  ],
  'the quota is lowered below what it holds': [
    (house, { key }) => house.admin('PATCH', `/keys/${key}`, { quota: { credits: 1, period: 'day' } }),
    'quota_exceeded',
  ],
  'all that is left is taken back': [
    (house, { account }) => house.admin('POST', `/accounts/${account}/grants`, { credits: -7, reason: 'a mistake' }),
    'insufficient_credits',
  ],
}

for (const [what, [act, next]] of Object.entries(acts)) {
  test(`while a call is at the upstream ${what}: it ends as it was held, and the next one feels it`, async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn))
    const account = await house.account(10)
    const { id: key, secret } = await house.key(account)
    const call = () => house.client.call(secret, { prompt: 'a lighthouse' })
    standIn.holdAnswers()
    const running = call()
    await standIn.waitFor(1)
    await act(house, { account, key })
    standIn.letGo()
    const { status, headers } = await running
    assert.deepEqual([status, headers['x-credits-charged']], [200, '3'])
    const later = await call()
    const told = later.status === 200 ? `paid ${later.headers['x-credits-charged']}` : later.json()['name']
    assert.equal(told, next)
    await house.atRest()
  })
}
