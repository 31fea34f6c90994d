import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, dataOf, everything, good, openSelling, post, refusal } from '../support/admin.ts'

test('every change has one audit row that says who, what, before and after', async (t) => {
  const house = await openSelling(t)
  const from = await auditRows(house)
  const { id: account } = await post(house, '/accounts', { name: 'one', external_id: 'crm-1', credits: 10 })
  good(await house.admin('PATCH', `/accounts/${account}`, { name: 'two', max_concurrency: 5 }))
  await post(house, `/accounts/${account}/grants`, { credits: 5, reason: 'invoice' })
  const key = await post(house, `/accounts/${account}/keys`, { name: 'k' })
  good(await house.admin('PATCH', `/keys/${key['id']}`, { rights: ['call'] }))
  const next = await post(house, `/keys/${key['id']}/rotate`, { grace_seconds: 60 })
  const call = (await house.client.call(String(next['secret']), { prompt: 'x' })).headers['x-request-id']
  await post(house, `/calls/${call}/refund`, { reason: 'wrong' })
  good(await house.admin('POST', `/keys/${next['id']}/revoke`))
  const operator = await post(house, '/operators', { name: 'Sam', role: 'viewer' })
  assert.equal((await house.admin('DELETE', `/operators/${operator['id']}`)).status, 204)
  good(await house.admin('PATCH', '/offers/stable-image-core', { credits: 4, reason: 'margin' }))
  good(await house.admin('PATCH', `/accounts/${account}`, { status: 'suspended' }))
  assert.equal(await auditRows(house), from + 12)
  const rows = (await everything(house, '/audit', 5)).slice(0, 12).reverse()
  assert.deepEqual(
    rows.map(({ actor, action, subject }) => [actor, action, subject]),
    [
      ['accounts.create', account],
      ['accounts.change', account],
      ['grants.create', account],
      ['keys.create', key['id']],
      ['keys.change', key['id']],
      ['keys.rotate', key['id']],
      ['calls.refund', call],
      ['keys.revoke', next['id']],
      ['operators.create', operator['id']],
      ['operators.delete', operator['id']],
      ['offers.change', 'stable-image-core'],
      ['accounts.change', account],
    ].map(([action, subject]) => ['op_bootstrap', action, subject]),
  )
  const [made, renamed] = rows
  assert.deepEqual(made?.['before'], null)
  assert.deepEqual(made?.['after'], { status: 'active', credits: 10, name: 'one', external_id: 'crm-1' })
  const settings = { status: 'active', rate: null, max_concurrency: null, quota: null, external_id: 'crm-1' }
  assert.deepEqual(renamed?.['before'], { ...settings, name: 'one' })
  assert.deepEqual(renamed?.['after'], { ...settings, name: 'two', max_concurrency: 5 })
  assert.deepEqual(rows[5]?.['after'], { successor: next['id'], grace_seconds: 60 })
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(`${key['secret']}|${next['secret']}|${operator['secret']}`))
  await house.balanced()
})

test('audit rows are found by who, what, whom and when', async (t) => {
  const house = await openSelling(t)
  const { id: one } = await post(house, '/accounts', { name: 'one' })
  const { id: other } = await post(house, '/accounts', { name: 'other' })
  good(await house.admin('PATCH', `/accounts/${one}`, { status: 'suspended' }))
  const found = async (query: string) =>
    dataOf(await house.admin('GET', `/audit?${query}`)).map(({ action, subject }) => [action, subject])
  assert.deepEqual(await found(`subject=${one}`), [
    ['accounts.change', one],
    ['accounts.create', one],
  ])
  assert.deepEqual(await found('action=accounts.create&actor=op_bootstrap'), [
    ['accounts.create', other],
    ['accounts.create', one],
  ])
  assert.deepEqual(await found(`action=accounts.change&subject=${other}`), [])
  assert.deepEqual(await found('actor=nobody'), [])
  assert.deepEqual(await found('to=2002-01-01'), [])
  assert.equal((await found('from=2002-01-01&actor=op_bootstrap')).length, 3)
  refusal(await house.admin('GET', '/audit?who=me'), 400, 'bad_request', 'who: is not known here')
  refusal(await house.admin('GET', '/audit?cursor=x'), 400, 'bad_request', 'cursor: ')
})

test('audit rows cannot be rewritten', async (t) => {
  const house = await openSelling(t)
  await post(house, '/accounts', { name: 'one' })
  await assert.rejects(house.store.write([{ sql: `UPDATE audit SET actor = 'nobody'`, params: [] }]), /immutable/)
})
