import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { millionths } from '../../src/credits.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { eventNames } from '../../src/webhooks/events.ts'
import { good, post } from '../support/admin.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { openPlace } from '../support/process.ts'
import { until } from '../support/raw-client.ts'
import { type Letter, type Receiver, receiver, says } from '../support/receiver.ts'
import { serving } from '../support/serving.ts'
import { opened } from '../support/stand-in-client.ts'

const postgresServer = sharedPostgres()

const privately = { WEBHOOK_ALLOW_PRIVATE: 'true' }

/** A house in front of a stand-in, and a receiver that is told of everything. */
async function told(t: TestContext) {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, privately))
  const there = await receiver(t)
  const { id, secret } = await post(house, '/webhooks', { url: there.url, events: [...eventNames] })
  return { standIn, house, there, id: String(id), secret: String(secret) }
}

async function letterOf(there: Receiver, type: string): Promise<Letter> {
  let letter: Letter | undefined
  await until(`a letter of ${type}`, () => {
    letter = there.letters.find((each) => each.type === type)
    return letter !== undefined
  })
  assert.ok(letter)
  return letter
}

test('an account and a key that run low are told by the call that makes them so', async (t) => {
  const { house, there, secret } = await told(t)
  const accountId = await house.account(30)
  const quota = { credits: millionths(3_300_000), period: 'month' } as const
  const key = await house.key(accountId, { quota })
  assert.equal((await house.client.call(key.secret, { prompt: 'a lighthouse' })).status, 200)
  const { data: account } = await letterOf(there, 'account.balance_low')
  assert.deepEqual(account, { account_id: accountId, available: 27, price: 3, calls_left: 9 })
  const { data: low } = await letterOf(there, 'key.quota_low')
  const bound = { credits: 3.3, period: 'month' }
  assert.deepEqual(low, { key_id: key.id, account_id: accountId, quota: bound, used: 3 })
  there.verified(secret)
  await house.balanced()
})

test('a token that is refused and calls that end unknown are told as they happen', async (t) => {
  const { standIn, house, there, secret } = await told(t)
  const key = await house.key(await house.account(300))
  const lost = await house.client.call(key.secret, { prompt: 'mode:reset-before-headers' })
  const { data: unknown } = await letterOf(there, 'calls.outcome_unknown')
  assert.deepEqual(unknown, { count: 1, calls: [lost.headers['x-request-id']] })
  standIn.mode('out-of-credits')
  assert.equal((await house.client.call(key.secret, { prompt: 'a lighthouse' })).status, 503)
  const { data: change } = await letterOf(there, 'token.state_changed')
  const [token] = good(await house.admin('GET', '/tokens'))['data'] as Record<string, unknown>[]
  assert.deepEqual([change['token_id'], change['hint']], [token?.['id'], token?.['hint']])
  assert.deepEqual([change['from'], change['to']], ['active', 'empty'])
  assert.equal(change['reason'], 'upstream_out_of_credits')
  there.verified(secret)
  await house.balanced()
})

test('an upstream that has less than the accounts is told', async (t) => {
  const house = await openTestHouse(t, behind(await opened(t), privately))
  await house.account(300)
  const [token] = good(await house.admin('GET', '/tokens'))['data'] as Record<string, unknown>[]
  const reading = { atMs: Date.now() + 60_000, askedAtMs: Date.now(), credits: millionths(200_000_000) }
  await house.store.write([keeping(String(token?.['id']), reading)])
  const there = await receiver(t)
  const { secret } = await post(house, '/webhooks', { url: there.url, events: [...eventNames] })
  const { data } = await letterOf(there, 'upstream.balance_low')
  const sums = { credits: '200', highest: '200', accounts_available: '300' }
  assert.deepEqual(data, { upstream: 'stability', ...sums, reason: 'below_accounts' })
  there.verified(String(secret))
})

test('no receiver, however bad, is ever in the way of a paid call', async (t) => {
  const { house, there } = await told(t)
  const key = await house.key(await house.account(600))
  const manners = [
    () => undefined,
    says(500),
    says(302, { location: 'http://127.0.0.1:9/' }),
    (response: { destroy(): void }) => response.destroy(),
  ]
  for (const manner of manners) {
    there.behave(manner)
    const lost = await house.client.call(key.secret, { prompt: 'mode:reset-before-headers' })
    assert.equal(lost.status, 502)
    assert.equal((await house.client.call(key.secret, { prompt: 'a lighthouse' })).status, 200)
  }
  // Without its tables nothing can be told, and calls go on.
  await house.store.write([{ sql: 'DROP TABLE alerts', params: [] }])
  await house.store.write([{ sql: 'DROP TABLE deliveries', params: [] }])
  await until('it is warned', () => house.lines.some((line) => line['reason'] === 'webhooks' && line['level'] === 40))
  assert.equal((await house.client.call(key.secret, { prompt: 'a lighthouse' })).status, 200)
  await house.balanced()
})

test('the secret of a webhook stands in its own column and nowhere else', async (t) => {
  const { house, there, id, secret } = await told(t)
  const delivery = good(await house.admin('POST', `/webhooks/${id}/test`), 202)
  await there.waitFor(1)
  good(await house.admin('PATCH', `/webhooks/${id}`, { enabled: false }))
  const bare = secret.slice('whsec_'.length)
  for (const path of ['/webhooks', `/webhooks/${id}`, `/webhooks/${id}/deliveries`, '/audit', '/operators']) {
    assert.ok(!(await house.admin('GET', path)).body.includes(bare), path)
  }
  assert.ok(!JSON.stringify(delivery).includes(bare))
  assert.ok(!JSON.stringify(house.lines).includes(bare))
  const tables = await house.store.read(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
  const holders: string[] = []
  for (const { name } of tables) {
    const rows = JSON.stringify(await house.store.read(`SELECT * FROM "${name}"`))
    if (rows.includes(bare)) holders.push(String(name))
  }
  assert.deepEqual(holders, ['webhooks'])
  const { secret: kept, ...rest } = (await house.store.read('SELECT * FROM webhooks'))[0] ?? {}
  assert.equal(kept, secret)
  assert.ok(!JSON.stringify(rest).includes(bare))
  for (const file of readdirSync(house.folder).filter((each) => !/\.db(-wal)?$/.test(each))) {
    const path = join(house.folder, file)
    assert.ok(!readdirOrFile(path).includes(bare), file)
  }
})

function readdirOrFile(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return readdirSync(path).join()
  }
}

test('what is queued when a house stops is sent by the next one', async (t) => {
  const place = openPlace(t)
  const there = await receiver(t, () => undefined)
  const first = await serving(t, place, { env: privately })
  const made = (await first.admin('POST', '/webhooks', { url: there.url, events: [...eventNames] })).json()
  const queued = (await first.admin('POST', `/webhooks/${made['id']}/test`)).json()
  await there.waitFor(1)
  first.kill('SIGTERM')
  assert.equal((await first.ended).code, 0)
  there.behave(says(204))
  await serving(t, place, { env: privately })
  const [, letter] = await there.waitFor(2)
  assert.equal(letter?.headers['webhook-id'], queued['id'])
  there.verified(String(made['secret']))
})

test('two replicas of one house tell each thing once', async (t) => {
  const url = await (await postgresServer()).database()
  const standIn = await opened(t)
  const env = behind(standIn, { ...privately, DATABASE_URL: url })
  const [one, other] = [await openTestHouse(t, env), await openTestHouse(t, env)]
  const accounts = await Promise.all(Array.from({ length: 10 }, () => one.account(20)))
  const keys = await Promise.all(accounts.map((accountId) => one.key(accountId)))
  const replies = await Promise.all(
    keys.flatMap((key) => [one, other].map((house) => house.client.call(key.secret, { prompt: 'a lighthouse' }))),
  )
  assert.ok(replies.every(({ status }) => status === 200))
  const there = await receiver(t)
  const { secret } = await post(one, '/webhooks', { url: there.url, events: ['account.balance_low'] })
  await there.waitFor(10)
  await until('nothing waits', async () => {
    return (await one.store.read(`SELECT id FROM deliveries WHERE state = 'pending'`)).length === 0
  })
  assert.deepEqual(there.letters.map(({ data }) => data['account_id']).toSorted(), accounts.toSorted())
  there.verified(String(secret))
  await one.balanced()
})
