import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataOf, everything, good, post, refusal } from '../support/admin.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { opened } from '../support/stand-in-client.ts'

const server = sharedPostgres()
const csv = { accept: 'text/csv' }

test('on PostgreSQL an operator opens accounts, grants, sells, refunds, and reads it all back', async (t) => {
  const url = await (await server()).database()
  const house = await openTestHouse(t, behind(await opened(t), { DATABASE_URL: url }))
  const get = async (path: string) => good(await house.admin('GET', path))
  const list = async (path: string) => {
    const all = dataOf(await house.admin('GET', path))
    assert.deepEqual(await everything(house, path, 1), all, path)
    return all
  }

  const account = await post(house, '/accounts', { name: 'Design Team', external_id: 'CRM-1', credits: 10 })
  const other = await post(house, '/accounts', { name: 'Another team' })
  const id = String(account['id'])
  for (const q of ['design', 'TEAM', 'crm-1', 'Design Te', id]) {
    assert.ok(
      (await list(`/accounts?q=${encodeURIComponent(q)}`)).some((each) => each['id'] === id),
      q,
    )
  }
  assert.deepEqual(await list('/accounts?q=esign'), [])
  assert.equal((await list('/accounts?q=team&status=active')).length, 2)
  refusal(await house.admin('POST', '/accounts', { name: 'x', external_id: 'CRM-1' }), 409, 'conflict')
  good(await house.admin('PATCH', `/accounts/${id}`, { quota: { credits: 50, period: 'month' } }))
  good(await house.admin('PATCH', `/accounts/${other['id']}`, { name: 'Renamed people', status: 'suspended' }))
  assert.deepEqual(await list('/accounts?q=another'), [])
  assert.equal((await list('/accounts?q=people&status=suspended')).length, 1)

  const grant = { credits: 5, reason: 'welcome' }
  const once = { 'idempotency-key': 'once' }
  const first = good(await house.admin('POST', `/accounts/${id}/grants`, grant, once), 201)
  assert.deepEqual(good(await house.admin('POST', `/accounts/${id}/grants`, grant, once), 201), first)
  refusal(await house.admin('POST', `/accounts/${id}/grants`, { credits: -99, reason: 'x' }), 409, 'conflict')
  await post(house, `/accounts/${id}/grants`, { credits: -1, reason: 'back' })

  const made = await post(house, `/accounts/${id}/keys`, { name: 'ci', quota: { credits: 9, period: 'day' } })
  const key = String(made['id'])
  const sent = await house.client.call(String(made['secret']), { prompt: 'a lighthouse' })
  const failed = await house.client.call(String(made['secret']), { prompt: 'mode:bad-request' })
  assert.deepEqual([sent.status, failed.status, sent.headers['x-credits-available']], [200, 400, '11'])
  const call = String(sent.headers['x-request-id'])
  assert.equal((await get(`/keys/${key}`))['quota_used'], 3)
  assert.deepEqual((await list(`/calls?account=${id}&key=${key}&offer=stable-image-core&state=settled`)).length, 1)
  for (const query of ['', 'state=released', 'state=held', `account=${id}&state=released`, `key=${key}&state=held`]) {
    await list(`/calls?${query}`)
    await list(`/calls?${query}&from=2020-01-01&to=2120-01-01`)
  }
  const before = (await get(`/calls/${call}`))['timeline']
  assert.ok(Array.isArray(before) && before.length >= 5)
  await post(house, `/calls/${call}/refund`, { reason: 'wrong picture' })
  refusal(await house.admin('POST', `/calls/${call}/refund`, { reason: 'again' }), 409, 'already_refunded')

  const rotated = await post(house, `/keys/${key}/rotate`, { grace_seconds: 60 })
  good(await house.admin('PATCH', `/keys/${rotated['id']}`, { name: 'ci 2', max_concurrency: 2 }))
  good(await house.admin('POST', `/keys/${rotated['id']}/revoke`))
  for (const status of ['active', 'expired', 'revoked']) await list(`/keys?status=${status}`)
  assert.equal((await list(`/keys?account=${id}`)).length, 2)

  const lines = (await list(`/accounts/${id}/entries`)).map(({ kind, credits }) => [kind, credits])
  const told = [
    ['refund', 3],
    ['charge', -3],
    ['adjust', -1],
    ['grant', 5],
    ['grant', 10],
  ]
  assert.deepEqual(lines, told)
  assert.equal((await list(`/accounts/${id}/entries?from=2020-01-01&to=2120-01-01`)).length, 5)
  const statement = await get(`/accounts/${id}/statement`)
  assert.deepEqual([statement['opening'], statement['closing']], [0, 14])

  const sums = { mode: 'live', calls: 2, succeeded: 1, failed: 1, credits: 0 }
  assert.deepEqual(await list('/usage'), [sums])
  const day = new Date().toISOString().slice(0, 10)
  for (const range of ['', `&from=${day}`, '&from=2026-01-01&to=2126-01-01', '&from=2001-01-01&to=2001-02-01']) {
    for (const by of ['day', 'account', 'key', 'offer', 'day,account,key,offer', 'account,offer', 'key,offer']) {
      const rows = await list(`/usage?group_by=${by}${range}`)
      assert.deepEqual(rows, await list(`/usage?group_by=${by}&account=${id}${range}`))
      assert.equal(rows.length, range.includes('2001') ? 0 : 1)
    }
  }
  for (const path of ['/calls', '/usage?group_by=day,key', `/accounts/${id}/entries`, `/accounts/${id}/statement`]) {
    const table = await house.admin('GET', path, undefined, csv)
    assert.equal(table.headers['content-type'], 'text/csv; charset=utf-8')
    assert.ok(table.body.toString().split('\r\n').length > 2, path)
  }

  const price = await house.admin('PATCH', '/offers/stable-image-core', { credits: 4, reason: 'new list' })
  assert.equal(good(price)['credits'], 4)
  const operator = await post(house, '/operators', { name: 'Sam', role: 'viewer' })
  assert.deepEqual((await list('/operators')).length, 1)
  assert.equal((await house.admin('DELETE', `/operators/${operator['id']}`)).status, 204)
  dataOf(await house.admin('GET', '/tokens'))
  for (const query of [
    '',
    'actor=op_bootstrap',
    'action=calls.refund',
    `subject=${id}`,
    'from=2020-01-01&to=2120-01-01',
  ]) {
    assert.ok((await list(`/audit?${query}`)).length > 0, query)
  }
  good(await house.admin('PATCH', `/accounts/${id}`, { status: 'closed' }))
  assert.deepEqual(await list('/accounts?q=design'), [])
  assert.equal((await get('/books'))['balanced'], true)
  await house.balanced()
})
