import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataOf, good, openSelling, post, refusal } from '../support/admin.ts'
import { portalOf } from '../support/portal.ts'

test('me tells the account, the balance, the key, and what is left of every limit', async (t) => {
  const house = await openSelling(t)
  const { id: account } = await post(house, '/accounts', { name: 'Design', external_id: 'crm-1', credits: 100 })
  const limits = {
    rate: { calls: 10, window_seconds: 600 },
    max_concurrency: 4,
    quota: { credits: 8, period: 'month' },
  }
  const { secret, ...key } = await post(house, `/accounts/${account}/keys`, { name: 'farm', ...limits })
  const wish = { rate: { calls: 90, window_seconds: 900 }, quota: { credits: 50, period: 'total' } }
  good(await house.admin('PATCH', `/accounts/${account}`, wish))
  const ask = portalOf(house, String(secret))
  const fresh = good(await ask('GET', '/me'))
  assert.deepEqual(fresh['balance'], { posted: 100, held: 0, available: 100 })
  assert.deepEqual(fresh['key'], key)
  const bounds = fresh['limits'] as Record<string, Record<string, Record<string, unknown> | null>>
  assert.deepEqual(bounds['key']?.['rate'], { calls: 10, window_seconds: 600, left: 10, resets_at: null })
  assert.deepEqual(bounds['key']?.['concurrency'], { most: 4, in_flight: 0, left: 4 })
  assert.equal(bounds['account']?.['concurrency'], null)
  for (let count = 0; count < 2; count++) {
    assert.equal((await house.client.call(String(secret), { prompt: 'x' })).status, 200)
  }
  const now = good(await ask('GET', '/me'))
  assert.deepEqual(now['balance'], { posted: 94, held: 0, available: 94 })
  const { id, name, status } = now['account'] as Record<string, unknown>
  assert.deepEqual([id, name, status], [account, 'Design', 'active'])
  assert.ok(!JSON.stringify(now).includes('crm-1'))
  const left = now['limits'] as Record<string, Record<string, Record<string, unknown>>>
  const { resets_at: windowEnds, ...rate } = left['key']?.['rate'] ?? {}
  assert.deepEqual(rate, { calls: 10, window_seconds: 600, left: 8 })
  assert.ok(Date.parse(String(windowEnds)) > Date.now())
  const { resets_at: monthEnds, ...quota } = left['key']?.['quota'] ?? {}
  assert.deepEqual(quota, { credits: 8, period: 'month', used: 6, left: 2 })
  assert.match(String(monthEnds), /^\d{4}-\d\d-01T00:00:00\.000Z$/)
  assert.deepEqual(left['account']?.['quota'], { credits: 50, period: 'total', used: 6, left: 44, resets_at: null })
  assert.equal(left['account']?.['rate']?.['left'], 88)
  await house.balanced()
})

test('a key without bounds of its own is told the rate of the house', async (t) => {
  const house = await openSelling(t)
  const ask = portalOf(house, (await house.key(await house.account(1))).secret)
  const { limits } = good(await ask('GET', '/me'))
  const none = { rate: null, concurrency: null, quota: null }
  const rate = { calls: 100_000, window_seconds: 60, left: 100_000, resets_at: null }
  assert.deepEqual(limits, { key: { ...none, rate }, account: none })
})

const hidden = ['upstream', 'token_id', 'attempts', 'upstream_status', 'upstream_ms', 'upstream_may_bill']

test('a call tells its account why it was charged, and nothing of the upstream or its token', async (t) => {
  const house = await openSelling(t)
  const { secret } = await house.key(await house.account(50))
  const ask = portalOf(house, secret)
  const prompts = [
    'x',
    'mode:moderation',
    'mode:forbidden',
    'mode:unavailable',
    'mode:not-an-image',
    'mode:out-of-credits',
  ]
  for (const prompt of prompts) {
    const reply = await house.client.call(secret, { prompt })
    const id = String(reply.headers['x-request-id'])
    const operators = await house.admin('GET', `/calls/${id}`)
    assert.equal(operators.status, 200, prompt)
    const told = await ask('GET', `/calls/${id}`)
    const { timeline, ...call } = good(told)
    for (const field of hidden) assert.equal(field in call, false, `${prompt}: ${field}`)
    const { token_id: token } = operators.json()
    const text = told.body.toString()
    assert.ok(!text.includes('tok_') && !text.includes(String(token ?? 'tok_')), prompt)
    assert.ok(!/stability|master|operator|attempt|the upstream/i.test(text), `${prompt}: ${text}`)
    const events = (timeline as { event: string }[]).map(({ event }) => event)
    assert.deepEqual(events, ['accepted', 'priced', 'held', 'judged', reply.status === 200 ? 'settled' : 'released'])
    assert.equal(call['status'], reply.status)
    const reason = call['reason']
    if (reply.status !== 200) assert.equal(reason, reply.json()['name'], prompt)
    assert.deepEqual(
      dataOf(await ask('GET', '/calls')).find((each) => each['id'] === id),
      call,
    )
  }
  await house.balanced()
})

test('calls, entries, usage and the statement are those of the own account, as JSON and CSV', async (t) => {
  const house = await openSelling(t)
  const [account, other] = [await house.account(100), await house.account(100)]
  const [first, second, foreign] = [await house.key(account), await house.key(account), await house.key(other)]
  for (const { secret } of [first, second, second, foreign]) await house.client.call(secret, { prompt: 'x' })
  const ask = portalOf(house, first.secret)
  assert.equal(dataOf(await ask('GET', '/calls')).length, 3)
  assert.equal(dataOf(await ask('GET', `/calls?key=${second.id}&state=settled`)).length, 2)
  const entries = dataOf(await ask('GET', '/entries'))
  assert.deepEqual(
    entries.map(({ credits, posted_after: after }) => [credits, after]),
    [
      [-3, 91],
      [-3, 94],
      [-3, 97],
      [100, 100],
    ],
  )
  assert.deepEqual(entries, dataOf(await house.admin('GET', `/accounts/${account}/entries`)))
  const usage = dataOf(await ask('GET', '/usage?group_by=key'))
  assert.deepEqual(
    usage.map(({ key_id: key, calls, credits }) => [key, calls, credits]).sort(),
    [
      [first.id, 1, 3],
      [second.id, 2, 6],
    ].sort(),
  )
  refusal(await ask('GET', '/usage?group_by=account'), 400, 'bad_request', 'group_by: must be a list of day, key')
  const month = new Date().toISOString().slice(0, 7)
  const statement = good(await ask('GET', `/statement?month=${month}`))
  assert.deepEqual(
    [statement['account_id'], statement['opening'], statement['closing'], statement['entries']],
    [account, 0, 91, entries.toReversed()],
  )
  refusal(await ask('GET', '/statement?month=2026-13'), 400, 'bad_request', 'month: ')
  for (const path of ['/entries', `/statement?month=${month}`, '/usage']) {
    const csv = await ask('GET', path, undefined, { accept: 'text/csv' })
    assert.equal(csv.headers['content-type'], 'text/csv; charset=utf-8', path)
    assert.match(String(csv.headers['content-disposition']), /^attachment; filename="[\w-]+\.csv"$/, path)
    assert.ok(csv.body.toString().split('\r\n').length >= 2, path)
  }
  await house.balanced()
})
