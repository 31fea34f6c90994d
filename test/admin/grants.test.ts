import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, good, post, refusal } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'

test('a grant is an entry with the balance after it', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const entry = await post(house, `/accounts/${account}/grants`, { credits: 100.25, reason: 'invoice 7' })
  assert.match(String(entry['id']), /^ent_[0-9a-z]{26}$/)
  const { id: _, created_at: at, ...rest } = entry
  assert.match(String(at), /Z$/)
  assert.deepEqual(rest, { kind: 'grant', credits: 100.25, posted_after: 100.25, call_id: null, reason: 'invoice 7' })
  await house.balanced()
})

test('what is below zero takes back, never more than is available', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(5)
  const path = `/accounts/${account}/grants`
  const entry = await post(house, path, { credits: -4.5, reason: 'mistake' })
  assert.deepEqual([entry['kind'], entry['credits'], entry['posted_after']], ['adjust', -4.5, 0.5])
  const rows = await auditRows(house)
  refusal(await house.admin('POST', path, { credits: -0.500001, reason: 'x' }), 409, 'conflict', 'fewer credits')
  assert.equal(await auditRows(house), rows)
  await post(house, path, { credits: -0.5, reason: 'rest' })
  assert.equal((await house.balanceOf(account)).available, 0)
  await house.balanced()
})

test('a grant that does not fit is refused', async (t) => {
  const house = await openTestHouse(t)
  const path = `/accounts/${await house.account(1)}/grants`
  const rows = await auditRows(house)
  const wrong: [unknown, string][] = [
    [{ reason: 'x' }, 'credits: is required'],
    [{ credits: 1 }, 'reason: is required'],
    [{ credits: '1', reason: 'x' }, 'credits: must be number'],
    [{ credits: 0, reason: 'x' }, 'credits: must not be 0'],
    [{ credits: 1.0000001, reason: 'x' }, 'six decimals'],
    [{ credits: 9_000_000_001, reason: 'x' }, 'credits: '],
    [{ credits: 1, reason: 'a\u001bb' }, 'reason: must not be blank'],
    [{ credits: 1, reason: 'x'.repeat(201) }, 'reason: '],
    [{ credits: 1, reason: 'x', currency: 'EUR' }, 'currency: is not known here'],
  ]
  for (const [body, about] of wrong) refusal(await house.admin('POST', path, body), 400, 'bad_request', about)
  refusal(await house.admin('POST', path, { credits: 9_000_000_000, reason: 'x' }), 409, 'conflict', 'that many')
  assert.equal(await auditRows(house), rows)
  await house.balanced()
})

test('a grant with an Idempotency-Key happens once, also when twenty arrive together', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(0)
  const rows = await auditRows(house)
  const give = (body: unknown, key = 'invoice-7', to = account) =>
    house.admin('POST', `/accounts/${to}/grants`, body, { 'idempotency-key': key })
  const gift = { credits: 5, reason: 'invoice 7' }
  const replies = await Promise.all(Array.from({ length: 20 }, () => give(gift)))
  const entries = replies.map((reply) => good(reply, 201))
  for (const entry of entries) assert.deepEqual(entry, entries[0])
  assert.deepEqual(good(await give(gift), 201), entries[0])
  refusal(await give({ ...gift, credits: 6 }), 409, 'idempotency_conflict')
  refusal(await give({ ...gift, reason: 'other' }), 409, 'idempotency_conflict')
  assert.equal((await house.balanceOf(account)).posted, 5_000_000)
  good(await give(gift, 'invoice-8'), 201)
  good(await give(gift, 'invoice-7', await house.account(0)), 201)
  for (const key of ['', 'x'.repeat(256), 'a b', 'ä']) {
    refusal(await give(gift, key), 400, 'bad_request', 'idempotency-key')
  }
  assert.equal(await auditRows(house), rows + 3)
  await house.balanced()
})

test('takings in parallel never leave less than nothing', async (t) => {
  const house = await openTestHouse(t)
  const account = await house.account(7)
  const take = () => house.admin('POST', `/accounts/${account}/grants`, { credits: -2, reason: 'x' })
  const replies = await Promise.all(Array.from({ length: 10 }, take))
  assert.deepEqual([...new Set(replies.map(({ status }) => status))].sort(), [201, 409])
  assert.equal(replies.filter(({ status }) => status === 201).length, 3)
  await house.balanced()
})
