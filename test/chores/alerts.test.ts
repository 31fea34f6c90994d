import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { startAlerting } from '../../src/chores/alerts.ts'
import { openNotices } from '../../src/chores/notices.ts'
import { startProving } from '../../src/chores/prove.ts'
import { millionths } from '../../src/credits.ts'
import { newId } from '../../src/ids.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openLog } from '../../src/log.ts'
import type { Store } from '../../src/store/store.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import type { TokenChange, TokenView } from '../../src/upstream/tokens.ts'
import { openAlerts } from '../../src/webhooks/alerts.ts'
import { openDeliveries } from '../../src/webhooks/deliveries.ts'
import { type EventName, eventNames } from '../../src/webhooks/events.ts'
import { openWebhooks } from '../../src/webhooks/webhooks.ts'
import { until } from '../support/raw-client.ts'
import { forEachStore } from '../support/stores.ts'

const credits = (count: number) => millionths(count * 1_000_000)
const tokenView = (id: string, state: TokenView['state'] = 'active'): TokenView => {
  return { id, hint: 'abcd', weight: 1, state, untilMs: 0, inFlight: 0 }
}

/** One process that looks often, and what it has queued. */
async function watch(t: TestContext, store: Store, seldom: { readonly everyMs?: number } = {}) {
  const lines: string[] = []
  const log = openLog('trace', false, { write: (line) => void lines.push(line) })
  const webhooks = openWebhooks(store, true)
  const deliveries = openDeliveries(store)
  const accounts = openAccounts(store)
  const keys = openKeys(store, 0)
  const ledger = openLedger(store, 'test')
  const tokens: TokenView[] = []
  const listeners: ((change: TokenChange) => void)[] = []
  const upstream = {
    ...{ name: 'stability', tokens: () => tokens },
    onTokenChange: (listener: (change: TokenChange) => void) => void listeners.push(listener),
  }
  const notices = openNotices(webhooks.wants)
  const proving = startProving(store, log, 20)
  const alerting = startAlerting({
    ...{ store, webhooks, deliveries, notices, upstream, log, proof: proving.proof, tickMs: 10, everyMs: 30 },
    ...{ alerts: openAlerts(store), catalog: await openCatalog(store), ...seldom },
  })
  t.after(alerting.close)
  t.after(proving.close)

  async function subscribe(...events: readonly EventName[]): Promise<string> {
    const { id, unit } = webhooks.creating({ url: 'http://127.0.0.1:9/', events })
    await store.write(unit)
    await webhooks.refresh()
    return id
  }

  async function account(count: number): Promise<string> {
    const { id, unit } = accounts.creating('a test account', null)
    await store.write(unit)
    await grant(id, count)
    return id
  }

  async function grant(accountId: string, count: number): Promise<void> {
    await ledger.grant({ accountId, credits: credits(count), reason: 'test' })
  }

  /** A call that is charged so much, as the paid door ends one. */
  async function call(accountId: string, key: { id: string; quota: unknown }, count: number): Promise<string> {
    const { spendId } = await keys.get(key.id)
    const id = newId('call')
    const sold = { offer: 'stable-image-core', price: credits(count), priceVersion: 1, upstream: 'stability' }
    const who = { accountId, keyId: key.id, spendId, mode: 'live' } as const
    const hold = await ledger.hold({ id, ...who, ...sold, amount: credits(count), bytesIn: 1, clientRequestId: null })
    const how = { outcome: 'succeeded', reason: 'success', mayBill: false, tokenId: undefined, attempts: '[]' } as const
    const numbers = { status: 200, upstreamStatus: 200, upstreamMs: 1, bytesOut: 1 }
    await ledger.settle(hold, { ...how, ...numbers, credits: credits(count) })
    notices.noticed(id, { ...key, accountId, mode: 'live' }, 'succeeded')
    return id
  }

  /** The data of what was queued of an event, oldest first. */
  async function told(event: EventName): Promise<Record<string, unknown>[]> {
    const rows = await store.read('SELECT body FROM deliveries WHERE event = $1 ORDER BY id', [event])
    return rows.map((row) => (JSON.parse(String(row['body'])) as { data: Record<string, unknown> }).data)
  }

  async function waitFor(event: EventName, count: number): Promise<Record<string, unknown>[]> {
    await until(`${count} of ${event}`, async () => (await told(event)).length >= count)
    return told(event)
  }

  /** Waits until nothing of an event is told and not over. */
  async function over(event: EventName): Promise<void> {
    const sql = 'SELECT subject FROM alerts WHERE event = $1'
    await until(`${event} is over`, async () => (await store.read(sql, [event])).length === 0)
  }

  /** Waits for so many looks, so that what would be told twice has been. */
  const looks = () => new Promise((wake) => setTimeout(wake, 200))
  const change = (wish: Partial<TokenChange>) => {
    const usual = { id: 'tok_1', hint: 'abcd', from: 'active', to: 'empty', leftMs: 0, reason: 'test', learnt: false }
    for (const listener of listeners) listener({ ...usual, ...wish } as TokenChange)
  }
  return {
    ...{ lines, store, keys, notices, alerting, tokens, change, subscribe, account, grant, call, told, waitFor, over },
    looks,
  }
}

const plain = { quota: null }

forEachStore((name, open) => {
  test(`${name}: a low account is told once until it is over, with and without a call`, async (t) => {
    const it = await watch(t, (await open(t)).store)
    await it.subscribe('account.balance_low')
    const id = await it.account(33)
    const key = { id: (await keyOf(it, id)).id, ...plain }
    await it.call(id, key, 3)
    await it.looks()
    assert.deepEqual(await it.told('account.balance_low'), [])
    await it.call(id, key, 3)
    const [data] = await it.waitFor('account.balance_low', 1)
    assert.deepEqual(data, { account_id: id, available: 27, price: 3, calls_left: 9 })
    await it.call(id, key, 3)
    await it.looks()
    assert.equal((await it.told('account.balance_low')).length, 1)
    await it.grant(id, 100)
    await it.over('account.balance_low')
    await it.call(id, key, 100)
    assert.equal((await it.waitFor('account.balance_low', 2))[1]?.['available'], 24)
  })

  test(`${name}: a quota of which nine tenths are used is told once until its key has room again`, async (t) => {
    const it = await watch(t, (await open(t)).store)
    await it.subscribe('key.quota_low')
    const id = await it.account(1000)
    const quota = { credits: credits(30), period: 'month' } as const
    const key = { id: (await keyOf(it, id, quota)).id, quota }
    await it.call(id, key, 26)
    await it.looks()
    assert.deepEqual(await it.told('key.quota_low'), [])
    await it.call(id, key, 1)
    const [data] = await it.waitFor('key.quota_low', 1)
    assert.deepEqual(data, { key_id: key.id, account_id: id, quota: { credits: 30, period: 'month' }, used: 27 })
    await it.call(id, key, 1)
    await it.looks()
    assert.equal((await it.told('key.quota_low')).length, 1)
    const wider = { credits: credits(300), period: 'month' } as const
    await it.keys.change(await it.keys.get(key.id), { quota: wider }, [])
    await it.over('key.quota_low')
  })

  test(`${name}: an upstream with less than the accounts, or a tenth of its best, is told once until it has more`, async (t) => {
    const it = await watch(t, (await open(t)).store)
    await it.subscribe('upstream.balance_low')
    await it.account(100)
    const read = (tokenId: string, count: number, agoMs = 0) => {
      const atMs = Date.now() - agoMs
      return it.store.write([keeping(tokenId, { atMs, askedAtMs: atMs, credits: credits(count) })])
    }
    it.tokens.push(tokenView('tok_1'), tokenView('tok_2'), tokenView('tok_3', 'revoked'))
    await read('tok_1', 60)
    // Until every token has told its balance the sum would say too little.
    await it.looks()
    assert.deepEqual(await it.told('upstream.balance_low'), [])
    await read('tok_2', 39)
    const [data] = await it.waitFor('upstream.balance_low', 1)
    const sums = { credits: '99', highest: '99', accounts_available: '100' }
    assert.deepEqual(data, { upstream: 'stability', ...sums, reason: 'below_accounts' })
    await it.looks()
    assert.equal((await it.told('upstream.balance_low')).length, 1)
    await read('tok_2', 5000)
    await it.over('upstream.balance_low')
    await read('tok_2', 400)
    const [, second] = await it.waitFor('upstream.balance_low', 2)
    const less = { credits: '460', highest: '5060', accounts_available: '100' }
    assert.deepEqual(second, { upstream: 'stability', ...less, reason: 'below_tenth' })
  })

  test(`${name}: books that do not balance are told once until they do`, async (t) => {
    const it = await watch(t, (await open(t)).store)
    await it.subscribe('books.imbalance')
    const id = await it.account(100)
    await it.looks()
    assert.deepEqual(await it.told('books.imbalance'), [])
    const add = (count: number) =>
      it.store.write([{ sql: 'UPDATE accounts SET posted = posted + $2 WHERE id = $1', params: [id, credits(count)] }])
    await add(3)
    assert.deepEqual(await it.waitFor('books.imbalance', 1), [{ imbalance: '3' }])
    await it.looks()
    assert.equal((await it.told('books.imbalance')).length, 1)
    await add(-3)
    await it.over('books.imbalance')
  })

  test(`${name}: a token's change is told by who found it out, and once though two did`, async (t) => {
    const place = await open(t)
    const one = await watch(t, place.store)
    const other = await watch(t, await place.again())
    await one.subscribe('token.state_changed')
    await other.subscribe('account.balance_low')
    one.change({ leftMs: 60_000, reason: 'upstream_out_of_credits' })
    const [data] = await one.waitFor('token.state_changed', 1)
    assert.match(String(data?.['until']), /^\d{4}-.*Z$/)
    const told = { token_id: 'tok_1', upstream: 'stability', hint: 'abcd', from: 'active', to: 'empty' }
    assert.deepEqual({ ...data, until: null }, { ...told, reason: 'upstream_out_of_credits', until: null })
    other.change({ learnt: true })
    other.change({})
    other.change({ from: 'empty', to: 'active' })
    const both = await one.waitFor('token.state_changed', 2)
    assert.deepEqual(
      both.map(({ to }) => to),
      ['empty', 'active'],
    )
  })

  test(`${name}: unknown outcomes are told together, once a minute, and at the end`, async (t) => {
    const place = await open(t)
    const it = await watch(t, place.store, { everyMs: 60_000 })
    await it.subscribe('calls.outcome_unknown')
    const caller = { id: 'key_1', accountId: 'acc_1', mode: 'live', quota: null } as const
    it.notices.noticed('call_0', caller, 'succeeded')
    it.notices.noticed('call_1', caller, 'unknown')
    it.notices.noticed('call_2', { ...caller, mode: 'test' }, 'unknown')
    assert.deepEqual(await it.waitFor('calls.outcome_unknown', 1), [{ count: 1, calls: ['call_1'] }])
    for (let count = 0; count < 150; count++) it.notices.noticed(`call_more_${count}`, caller, 'unknown')
    await it.looks()
    assert.equal((await it.told('calls.outcome_unknown')).length, 1)
    await it.alerting.close()
    const [, rest] = await it.told('calls.outcome_unknown')
    assert.equal(rest?.['count'], 150)
    assert.deepEqual(
      rest?.['calls'],
      Array.from({ length: 100 }, (_, count) => `call_more_${count}`),
    )
  })

  test(`${name}: two replicas that see the same low account tell it once`, async (t) => {
    const place = await open(t)
    const [one, other] = [await watch(t, place.store), await watch(t, await place.again())]
    await one.subscribe('account.balance_low')
    await other.subscribe('token.state_changed')
    const ids = await Promise.all(Array.from({ length: 30 }, () => one.account(5)))
    for (const each of [one, other]) each.notices.called({ accounts: ids, keys: [] })
    await one.waitFor('account.balance_low', 30)
    await one.looks()
    const told = (await one.told('account.balance_low')).map((data) => data['account_id'])
    assert.deepEqual(told.toSorted(), ids.toSorted())
  })

  test(`${name}: who called shortly before a restart, or before anybody asked, is not forgotten`, async (t) => {
    const place = await open(t)
    const before = await watch(t, place.store)
    const id = await before.account(30)
    await before.call(id, { id: (await keyOf(before, id)).id, ...plain }, 3)
    await before.alerting.close()
    const it = await watch(t, place.store)
    await it.looks()
    await it.subscribe('account.balance_low')
    assert.equal((await it.waitFor('account.balance_low', 1))[0]?.['account_id'], id)
  })
})

type Watch = Awaited<ReturnType<typeof watch>>

async function keyOf(
  { keys, store }: Watch,
  accountId: string,
  quota: Parameters<typeof keys.issuing>[1]['quota'] = null,
) {
  const { id, unit } = keys.issuing(accountId, { name: 'a test key', quota })
  await store.write(unit)
  return { id }
}

test('nobody is noticed while no webhook asks, and nothing is told of a webhook without subscribers', async () => {
  const wanted = new Set<string>()
  const notices = openNotices((event) => wanted.has(event))
  const caller = { id: 'key_1', accountId: 'acc_1', mode: 'live', quota: { credits: 1, period: 'day' } } as const
  const see = () => {
    for (const outcome of ['succeeded', 'unknown']) notices.noticed('call_1', caller, outcome)
    return { callers: notices.hasCallers(), unknown: notices.hasUnknown() }
  }
  assert.deepEqual(see(), { callers: false, unknown: false })
  for (const event of eventNames) {
    wanted.clear()
    wanted.add(event)
    const seen = see()
    assert.equal(seen.callers, event === 'account.balance_low' || event === 'key.quota_low', event)
    assert.equal(seen.unknown, event === 'calls.outcome_unknown', event)
    notices.takeCallers()
    notices.takeUnknown()
  }
})
