import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credits } from '../../src/credits.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { auditRows, dataOf, good, openSelling, refusal } from '../support/admin.ts'
import { masterToken, openTestHouse } from '../support/house.ts'
import { until } from '../support/raw-client.ts'

test('a token that was set aside is listed so, and put back by an operator', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(10))
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const { id, ...rest } = token ?? {}
  assert.match(String(id), /^tok_/)
  const never = { reason: null, changed_at: null, credits: null, credits_at: null }
  const seat = { upstream: 'stability', hint: masterToken.slice(-4), weight: 1, in_flight: 0 }
  assert.deepEqual(rest, { ...seat, state: 'active', until: null, ...never })
  const resume = () => house.admin('POST', `/tokens/${id}/resume`)
  const rows = await auditRows(house)
  assert.deepEqual(good(await resume()), token)
  assert.equal(await auditRows(house), rows)
  await house.client.call(secret, { prompt: 'mode:auth-revoked' })
  const [resting] = dataOf(await house.admin('GET', '/tokens'))
  assert.deepEqual([resting?.['state'], resting?.['until']], ['revoked', null])
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 503)
  const { reason, changed_at: changedAt, ...back } = good(await resume())
  assert.deepEqual({ ...back, reason: null, changed_at: null }, token)
  assert.equal(reason, 'resumed')
  assert.match(String(changedAt), /Z$/)
  assert.equal(await auditRows(house), rows + 1)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('a token nobody has cannot be put back', async (t) => {
  const house = await openTestHouse(t)
  assert.deepEqual(dataOf(await house.admin('GET', '/tokens')), [])
  for (const id of ['tok_0', 'x', '%00']) refusal(await house.admin('POST', `/tokens/${id}/resume`), 404, 'not_found')
  refusal(await house.admin('GET', '/tokens?state=active'), 400, 'bad_request', 'state: ')
})

test('a token that cools says until when and why, one that was read what was left behind it', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(10))
  await house.client.call(secret, { prompt: 'mode:rate-limited:600' })
  const list = async () => dataOf(await house.admin('GET', '/tokens'))[0] ?? {}
  await until('its state is written', async () => (await list())['reason'] === 'upstream_429')
  const id = String((await list())['id'])
  const credits = 12_079_000 as Credits
  await house.store.write([keeping(id, { atMs: Date.UTC(2026, 10, 22), askedAtMs: Date.UTC(2026, 10, 22), credits })])
  const token = await list()
  assert.equal(token['state'], 'cooling')
  const leftMs = Date.parse(String(token['until'])) - Date.now()
  assert.ok(leftMs > 500_000 && leftMs <= 600_000)
  assert.deepEqual([token['credits'], token['credits_at']], [12.079, '2026-11-22T00:00:00.000Z'])
  await house.balanced()
})

test('the books tell what is sold, what is left at the upstream, and by how much more is sold than left', async (t) => {
  const house = await openSelling(t)
  await house.account(10.5)
  const closed = await house.account(7)
  assert.equal((await house.admin('PATCH', `/accounts/${closed}`, { status: 'closed' })).status, 200)
  const money = async () => {
    const { sold, upstream_credits: left, oversold } = good(await house.admin('GET', '/books'))
    return [sold, left, oversold]
  }
  assert.deepEqual(await money(), ['10.5', null, null])
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const read = (atMs: number, count: number) =>
    house.store.write([keeping(String(token?.['id']), { atMs, askedAtMs: atMs, credits: count as Credits })])
  await read(1000, 4_000_001)
  assert.deepEqual(await money(), ['10.5', '4.000001', '6.499999'])
  await read(2000, 11_000_000)
  await read(1500, 1)
  assert.deepEqual(await money(), ['10.5', '11', '0'])
  await house.balanced()
})
