import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, dataOf, good, openSelling, refusal } from '../support/admin.ts'
import { masterToken, openTestHouse } from '../support/house.ts'

test('a token that was set aside is listed so, and put back by an operator', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(10))
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const { id, ...rest } = token ?? {}
  assert.match(String(id), /^tok_/)
  assert.deepEqual(rest, { upstream: 'stability', hint: masterToken.slice(-4), state: 'active', until: null })
  const resume = () => house.admin('POST', `/tokens/${id}/resume`)
  const rows = await auditRows(house)
  assert.deepEqual(good(await resume()), token)
  assert.equal(await auditRows(house), rows)
  await house.client.call(secret, { prompt: 'mode:auth-revoked' })
  const [resting] = dataOf(await house.admin('GET', '/tokens'))
  assert.equal(resting?.['state'], 'revoked')
  assert.match(String(resting?.['until']), /Z$/)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 503)
  assert.deepEqual(good(await resume()), token)
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
