import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventNames } from '../../src/webhooks/events.ts'
import { auditRows, dataOf, everything, good, post, refusal, unknownIds } from '../support/admin.ts'
import { openTestHouse, type TestHouse } from '../support/house.ts'
import { until } from '../support/raw-client.ts'
import { receiver, says } from '../support/receiver.ts'

const privately = { WEBHOOK_ALLOW_PRIVATE: 'true' }
const url = 'https://example.com/hooks?for=tollgate'
const events = ['account.balance_low', 'key.quota_low']
const unknownId = 'wh_00000000000000000000000000'

async function auditOf(house: TestHouse, subject: unknown): Promise<Record<string, unknown>[]> {
  return dataOf(await house.admin('GET', `/audit?subject=${String(subject)}`))
}

/** The delivery with that id, once it has been tried. */
async function tried(house: TestHouse, webhookId: unknown, id: unknown): Promise<Record<string, unknown>> {
  let found: Record<string, unknown> | undefined
  await until('the delivery was tried', async () => {
    const rows = dataOf(await house.admin('GET', `/webhooks/${String(webhookId)}/deliveries`))
    found = rows.find((row) => row['id'] === id)
    return found?.['last_status'] !== null || found['last_error'] !== null
  })
  assert.ok(found)
  return found
}

test('a webhook is made, shown, listed, changed and deleted, and each change is in the audit without the secret', async (t) => {
  const house = await openTestHouse(t)
  const { secret, ...made } = await post(house, '/webhooks', { url, events })
  assert.match(String(secret), /^whsec_[A-Za-z0-9+/]{43}=$/)
  const { id, created_at, ...rest } = made
  assert.match(String(id), /^wh_[0-9a-z]{26}$/)
  assert.match(String(created_at), /^\d{4}-.*Z$/)
  assert.deepEqual(rest, { url, events, enabled: true })
  assert.deepEqual(good(await house.admin('GET', `/webhooks/${id}`)), made)
  const other = await post(house, '/webhooks', { url: 'https://example.org', events: ['token.state_changed'] })
  assert.deepEqual(
    (await everything(house, '/webhooks', 1)).map((each) => each['id']),
    [other['id'], id],
  )
  const change = { url: 'https://example.net/', events: ['books.imbalance'], enabled: false }
  assert.deepEqual(good(await house.admin('PATCH', `/webhooks/${id}`, change)), { ...made, ...change })
  assert.deepEqual(good(await house.admin('PATCH', `/webhooks/${id}`, { enabled: true })), {
    ...made,
    ...change,
    enabled: true,
  })
  const removed = await house.admin('DELETE', `/webhooks/${id}`)
  assert.deepEqual([removed.status, removed.body.length], [204, 0])
  refusal(await house.admin('GET', `/webhooks/${id}`), 404, 'not_found', 'no such webhook')
  const audit = await auditOf(house, id)
  assert.deepEqual(
    audit.map(({ action, before, after }) => ({ action, before, after })),
    [
      { action: 'webhooks.delete', before: { ...change, enabled: true }, after: null },
      { action: 'webhooks.change', before: change, after: { ...change, enabled: true } },
      { action: 'webhooks.change', before: { url, events, enabled: true }, after: change },
      { action: 'webhooks.create', before: null, after: { url, events, enabled: true } },
    ],
  )
  for (const table of ['audit', 'deliveries', 'alerts']) {
    assert.ok(!JSON.stringify(await house.store.read(`SELECT * FROM ${table}`)).includes(String(secret)))
  }
})

test('a test event arrives signed, and its delivery stands in the log', async (t) => {
  const house = await openTestHouse(t, privately)
  const there = await receiver(t)
  const { id, secret } = await post(house, '/webhooks', { url: there.url, events })
  const queued = good(await house.admin('POST', `/webhooks/${id}/test`), 202)
  assert.deepEqual([queued['webhook_id'], queued['event'], queued['state']], [id, 'webhook.test', 'pending'])
  const [letter] = await there.waitFor(1)
  there.verified(String(secret))
  assert.equal(letter?.headers['webhook-id'], queued['id'])
  assert.deepEqual([letter?.type, letter?.data], ['webhook.test', { webhook_id: id }])
  const delivery = await tried(house, id, queued['id'])
  assert.deepEqual(
    [delivery['state'], delivery['attempts'], delivery['last_status'], delivery['last_error']],
    ['delivered', 1, 204, null],
  )
  assert.deepEqual(delivery['payload'], JSON.parse(letter?.body ?? ''))
  const failing = await receiver(t, says(500))
  good(await house.admin('PATCH', `/webhooks/${id}`, { url: failing.url }))
  const second = await tried(house, id, good(await house.admin('POST', `/webhooks/${id}/test`), 202)['id'])
  assert.deepEqual([second['state'], second['last_status'], second['last_error']], ['pending', 500, 'status'])
  assert.ok(Date.parse(String(second['next_attempt_at'])) > Date.now())
  assert.deepEqual(
    (await everything(house, `/webhooks/${id}/deliveries`, 1)).map((each) => each['id']),
    [second['id'], delivery['id']],
  )
  assert.equal((await auditOf(house, id)).filter(({ action }) => action === 'webhooks.test').length, 2)
  good(await house.admin('PATCH', `/webhooks/${id}`, { enabled: false }))
  const [given] = dataOf(await house.admin('GET', `/webhooks/${id}/deliveries`))
  assert.deepEqual([given?.['state'], given?.['last_error']], ['failed', 'disabled'])
  refusal(await house.admin('POST', `/webhooks/${id}/test`), 409, 'conflict', 'disabled')
  assert.equal((await house.admin('DELETE', `/webhooks/${id}`)).status, 204)
  assert.deepEqual(await house.store.read('SELECT id FROM deliveries'), [])
})

test('what no webhook can be is refused, field by field, and changes nothing', async (t) => {
  const house = await openTestHouse(t)
  const made = await post(house, '/webhooks', { url, events })
  const rows = await auditRows(house)
  const wishes = [
    [{ events }, 'url: is required'],
    [{ url }, 'events: is required'],
    [{ url: '', events }, 'url: '],
    [{ url: 7, events }, 'url: '],
    [{ url: 'example.com', events }, 'url: must be a URL'],
    [{ url: 'http://example.com/', events }, 'url: must begin with https://'],
    [{ url: 'https://CANARY:CANARY@example.com/', events }, 'url: must not hold user info'],
    [{ url: 'https://example.com:0/', events }, 'url: must not have port 0'],
    [{ url: `https://example.com/${'x'.repeat(2048)}`, events }, 'url: must be at most 2048 characters'],
    [{ url: 'https://127.0.0.1/', events }, 'url: must not be a private address'],
    [{ url: 'https://[fd00::1]/', events }, 'url: must not be a private address'],
    [{ url: 'https://localhost/', events }, 'url: must not be a private address'],
    [{ url, events: [] }, 'events: '],
    [{ url, events: 'account.balance_low' }, 'events: '],
    [{ url, events: ['account.opened'] }, 'must be one of account.balance_low'],
    [{ url, events: ['webhook.test'] }, 'must be one of'],
    [{ url, events: ['key.quota_low', 'key.quota_low'] }, 'events: '],
    [{ url, events, secret: 'whsec_mine' }, 'secret: is not known here'],
    [{ url, events, name: 'x' }, 'name: is not known here'],
  ] as const
  for (const [wish, about] of wishes) {
    const reply = await house.admin('POST', '/webhooks', wish)
    assert.ok(!JSON.stringify(refusal(reply, 400, 'bad_request', about)).includes('CANARY'))
    const hasAll = 'url' in wish && 'events' in wish
    if (hasAll) refusal(await house.admin('PATCH', `/webhooks/${made['id']}`, wish), 400, 'bad_request', about)
  }
  refusal(await house.admin('PATCH', `/webhooks/${made['id']}`, {}), 400, 'bad_request')
  refusal(await house.admin('PATCH', `/webhooks/${made['id']}`, { enabled: 'yes' }), 400, 'bad_request', 'enabled: ')
  refusal(await house.admin('POST', `/webhooks/${made['id']}/test`, { event: 'x' }), 400, 'bad_request', 'empty')
  refusal(await house.admin('GET', '/webhooks?url=x'), 400, 'bad_request', 'url: is not known here')
  for (const id of [unknownId, unknownIds.acc, 'x']) {
    refusal(await house.admin('GET', `/webhooks/${id}`), 404, 'not_found')
    refusal(await house.admin('PATCH', `/webhooks/${id}`, { enabled: false }), 404, 'not_found')
    refusal(await house.admin('DELETE', `/webhooks/${id}`), 404, 'not_found')
    refusal(await house.admin('POST', `/webhooks/${id}/test`), 404, 'not_found')
    refusal(await house.admin('GET', `/webhooks/${id}/deliveries`), 404, 'not_found')
  }
  assert.equal(await auditRows(house), rows)
  assert.equal((await everything(house, '/webhooks', 50)).length, 1)
})

test('two operators who change one webhook do not overwrite each other unseen', async (t) => {
  const house = await openTestHouse(t)
  const made = await house.admin('POST', '/webhooks', { url, events })
  const { id } = good(made, 201)
  assert.equal(made.headers['etag'], '"1"')
  const change = (tag: string, body: unknown) => house.admin('PATCH', `/webhooks/${id}`, body, { 'if-match': tag })
  assert.equal((await change('"1"', { enabled: false })).headers['etag'], '"2"')
  refusal(await change('"1"', { enabled: true }), 412, 'precondition_failed')
  refusal(await house.admin('DELETE', `/webhooks/${id}`, undefined, { 'if-match': '"1"' }), 412, 'precondition_failed')
  assert.equal((await house.admin('GET', `/webhooks/${id}`)).headers['etag'], '"2"')
  assert.equal((await house.admin('DELETE', `/webhooks/${id}`, undefined, { 'if-match': '"2"' })).status, 204)
})

test('of operators who change or delete one webhook at once some win, and the others are told', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await post(house, '/webhooks', { url, events })
  const rows = await auditRows(house)
  const changes = Array.from({ length: 12 }, (_, index) =>
    house.admin('PATCH', `/webhooks/${id}`, { enabled: index % 2 === 0 }),
  )
  const replies = await Promise.all(changes)
  const won = replies.filter(({ status }) => status === 200).length
  for (const reply of replies) if (reply.status !== 200) refusal(reply, 409, 'conflict', 'meanwhile')
  assert.ok(won >= 1)
  assert.equal((await house.admin('GET', `/webhooks/${id}`)).headers['etag'], `"${1 + won}"`)
  assert.equal(await auditRows(house), rows + won)
  const removals = await Promise.all(Array.from({ length: 6 }, () => house.admin('DELETE', `/webhooks/${id}`)))
  assert.equal(removals.filter(({ status }) => status === 204).length, 1)
  for (const reply of removals) assert.ok([204, 404, 409].includes(reply.status), reply.body.toString())
  assert.equal(await auditRows(house), rows + won + 1)
})

test('there are fifty webhooks at most', async (t) => {
  const house = await openTestHouse(t)
  const made = await Promise.all(Array.from({ length: 50 }, () => post(house, '/webhooks', { url, events })))
  refusal(await house.admin('POST', '/webhooks', { url, events }), 409, 'conflict', '50')
  assert.equal((await house.admin('DELETE', `/webhooks/${made[7]?.['id']}`)).status, 204)
  await post(house, '/webhooks', { url, events: [...eventNames] })
})

test('a viewer reads webhooks and their deliveries, and changes nothing', async (t) => {
  const house = await openTestHouse(t)
  const { id } = await post(house, '/webhooks', { url, events })
  const { secret } = await post(house, '/operators', { name: 'Vic', role: 'viewer' })
  const rows = await auditRows(house)
  const ask = (method: string, path: string, body?: unknown) =>
    house.admin(method, path, body, { authorization: `Bearer ${String(secret)}` })
  for (const path of ['/webhooks', `/webhooks/${id}`, `/webhooks/${id}/deliveries`]) good(await ask('GET', path))
  refusal(await ask('POST', '/webhooks', { url, events }), 403, 'forbidden')
  refusal(await ask('PATCH', `/webhooks/${id}`, { enabled: false }), 403, 'forbidden')
  refusal(await ask('DELETE', `/webhooks/${id}`), 403, 'forbidden')
  refusal(await ask('POST', `/webhooks/${id}/test`), 403, 'forbidden')
  assert.equal(await auditRows(house), rows)
})
