import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditRows, dataOf, everything, good, openSelling, post, refusal, unknownIds } from '../support/admin.ts'
import { masterToken } from '../support/house.ts'

test('a call says who paid how much for what, and why', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const { id: key, secret } = await house.key(account)
  const reply = await house.client.call(secret, { prompt: 'x' }, { headers: { 'x-request-id': 'mine-1' } })
  const id = String(reply.headers['x-request-id'])
  const { timeline, ...call } = good(await house.admin('GET', `/calls/${id}`))
  assert.deepEqual(dataOf(await house.admin('GET', '/calls')), [call])
  const { created_at, ended_at, upstream_ms, bytes_in, bytes_out, token_id, reason, ...rest } = call
  assert.deepEqual(rest, {
    ...{ id, account_id: account, key_id: key, offer: 'stable-image-core', state: 'settled', outcome: 'succeeded' },
    ...{ upstream_may_bill: false, credits: 3, price: 3, price_version: 1, refunded_at: null, upstream: 'stability' },
    ...{ attempts: 1, status: 200, upstream_status: 200, mode: 'live', client_request_id: 'mine-1' },
  })
  assert.match(String(created_at) + String(ended_at), /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z){2}$/)
  assert.match(String(token_id), /^tok_/)
  assert.equal(bytes_out, reply.body.length)
  assert.ok(Number(bytes_in) > 0 && Number(upstream_ms) >= 0 && String(reason).length > 0)
  const events = (timeline as { event: string; credits?: number; entry_id?: string }[]) ?? []
  assert.deepEqual(
    events.map(({ event }) => event),
    ['accepted', 'priced', 'held', 'attempt', 'judged', 'settled'],
  )
  assert.match(String(events.at(-1)?.entry_id), /^ent_/)
  assert.ok(!JSON.stringify(timeline).includes(secret))
  await house.balanced()
})

test('a failure shows its tries and that nothing was charged', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'mode:forbidden' })
  assert.equal(reply.status, 503)
  const call = good(await house.admin('GET', `/calls/${reply.headers['x-request-id']}`))
  const { state, outcome, reason, credits, price, status, upstream_status } = call
  assert.deepEqual(
    { state, outcome, reason, credits, price, status, upstream_status },
    {
      ...{ state: 'released', outcome: 'failed', reason: 'upstream_forbidden', credits: 0, price: 3 },
      ...{ status: 503, upstream_status: 403 },
    },
  )
  const events = call['timeline'] as { event: string; credits?: number; status?: number; token?: { hint: string } }[]
  const names = ['accepted', 'priced', 'held', 'attempt', 'judged', 'released']
  assert.deepEqual(
    events.map(({ event }) => event),
    names,
  )
  assert.deepEqual([events[3]?.token?.hint, events[3]?.status], [masterToken.slice(-4), 403])
  assert.ok(!JSON.stringify(call).includes(masterToken))
  await house.balanced()
})

test('calls are filtered by account, key, offer, state and time', async (t) => {
  const house = await openSelling(t)
  const [one, other] = [await house.account(10), await house.account(10)]
  const keys = [await house.key(one), await house.key(one), await house.key(other)]
  const ids: string[] = []
  for (const { secret } of keys) {
    ids.push(String((await house.client.call(secret, { prompt: 'x' })).headers['x-request-id']))
  }
  const found = async (query: string) => dataOf(await house.admin('GET', `/calls?${query}`)).map(({ id }) => id)
  const [first, second, third] = ids
  assert.deepEqual(await found(''), [third, second, first])
  assert.deepEqual(await found(`account=${one}`), [second, first])
  assert.deepEqual(await found(`key=${keys[2]?.id}`), [third])
  assert.deepEqual(await found(`account=${other}&key=${keys[0]?.id}`), [])
  assert.deepEqual(await found('offer=stable-image-core&state=settled'), [third, second, first])
  assert.deepEqual(await found('offer=nothing'), [])
  assert.deepEqual(await found('state=held'), [])
  assert.deepEqual(await found('state=released'), [])
  const at = String(good(await house.admin('GET', `/calls/${second}`))['created_at'])
  assert.deepEqual((await found(`from=${at}`)).includes(String(second)), true)
  assert.deepEqual((await found(`to=${at}`)).includes(String(second)), false)
  assert.deepEqual(await found('from=2001-01-01&to=2002-01-01'), [])
  assert.deepEqual(await found('from=2099-01-01'), [])
  assert.deepEqual(
    (await everything(house, '/calls?from=2001-01-01', 1)).map(({ id }) => id),
    [third, second, first],
  )
  refusal(await house.admin('GET', '/calls?from=yesterday'), 400, 'bad_request', 'from: ')
  refusal(await house.admin('GET', '/calls?to=2026-13-01'), 400, 'bad_request', 'to: there is no such time')
  refusal(await house.admin('GET', '/calls?state=open'), 400, 'bad_request', 'state: ')
  await house.balanced()
})

test('a charge is given back once, also when ten ask together', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const { id: key, secret } = await house.key(account, { quota: { credits: 3_000_000 as never, period: 'day' } })
  const id = String((await house.client.call(secret, { prompt: 'x' })).headers['x-request-id'])
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 429)
  const rows = await auditRows(house)
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => house.admin('POST', `/calls/${id}/refund`, { reason: 'wrong picture' })),
  )
  const given = replies.filter(({ status }) => status === 201)
  for (const reply of replies) if (reply.status !== 201) refusal(reply, 409, 'already_refunded')
  assert.equal(given.length, 1)
  const entry = given[0]?.json() ?? {}
  assert.deepEqual(
    [entry['kind'], entry['credits'], entry['posted_after'], entry['call_id'], entry['reason']],
    ['refund', 3, 10, id, 'wrong picture'],
  )
  assert.equal(await auditRows(house), rows + 1)
  const call = good(await house.admin('GET', `/calls/${id}`))
  assert.match(String(call['refunded_at']), /Z$/)
  assert.equal((call['timeline'] as { event: string }[]).at(-1)?.event, 'refunded')
  assert.equal(good(await house.admin('GET', `/keys/${key}`))['quota_used'], 0)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('what was not charged cannot be given back', async (t) => {
  const house = await openSelling(t)
  const account = await house.account(10)
  const test = await post(house, `/accounts/${account}/keys`, { name: 't', mode: 'test' })
  const free = await house.client.call(String(test['secret']), { prompt: 'x' })
  const rows = await auditRows(house)
  const path = `/calls/${free.headers['x-request-id']}/refund`
  refusal(await house.admin('POST', path, { reason: 'x' }), 409, 'conflict', 'not charged')
  refusal(await house.admin('POST', path, {}), 400, 'bad_request', 'reason: is required')
  refusal(await house.admin('POST', path, { reason: 'x', credits: 1 }), 400, 'bad_request', 'credits: ')
  for (const id of [unknownIds.call, unknownIds.acc, 'x', '%00']) {
    refusal(await house.admin('GET', `/calls/${id}`), 404, 'not_found')
    refusal(await house.admin('POST', `/calls/${id}/refund`, { reason: 'x' }), 404, 'not_found')
  }
  assert.equal(await auditRows(house), rows)
  await house.balanced()
})
