import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { finding as findingAccounts } from '../../src/accounts/accounts.ts'
import { finding as findingNotes } from '../../src/audit/audit.ts'
import { finding as findingKeys } from '../../src/keys/keys.ts'
import { finding as findingCalls } from '../../src/ledger/calls.ts'
import { finding as findingEntries } from '../../src/ledger/entries.ts'
import { groupings, type UsageFilter } from '../../src/ledger/usage.ts'
import { finding as findingUsage, lastOverDay, orderOf } from '../../src/ledger/usage-texts.ts'
import { openStore } from '../../src/store/open.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import type { Store, Value } from '../../src/store/store.ts'
import { type Filled, fill, offers, type Size } from '../bench/scale-fill.ts'
import { openSink } from '../bench/scale-sink.ts'
import { sharedPostgres } from '../support/postgres.ts'

async function openEmpty(t: TestContext): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-test-'))
  const store = await openSqlite(join(folder, 'house.db'))
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  return store
}

/** Every choice of filters, from none to all. */
function choices<Filter extends object>(filter: Filter): Partial<Filter>[] {
  const all: Partial<Filter>[] = [{}]
  for (const [name, value] of Object.entries(filter)) all.push(...all.map((each) => ({ ...each, [name]: value })))
  return all
}

type Found = { readonly sql: string; readonly params: readonly Value[] }

async function planOf(store: Store, { sql, params }: Found): Promise<string> {
  const rows = await store.read(`EXPLAIN QUERY PLAN ${sql}`, params)
  return rows.map(({ detail }) => String(detail)).join('; ')
}

test('calls are listed by an index whatever the filters, and sorted only where they are few', async (t) => {
  const store = await openEmpty(t)
  const filters = { accountId: 'a', keyId: 'k', offer: 'o', fromMs: 1, toMs: 2, before: 'call_1' }
  for (const state of ['held', 'settled', 'released', undefined] as const) {
    for (const filter of choices(filters)) {
      const plan = await planOf(store, findingCalls({ ...filter, state, limit: 50 }))
      const said = `${state} ${Object.keys(filter)}: ${plan}`
      const owner = filter.keyId ? 'key' : filter.accountId ? 'account' : filter.offer ? 'offer' : undefined
      const failed = state === 'released' ? 'released_' : ''
      if (state === 'held')
        assert.match(plan, /^SCAN calls USING INDEX calls_open; USE TEMP B-TREE FOR ORDER BY$/, said)
      else if (owner) assert.match(plan, new RegExp(`^SEARCH calls USING INDEX calls_${failed}by_${owner} `), said)
      else if (state === 'released') assert.match(plan, /USING INDEX calls_released\b(?!_)/, said)
      else assert.match(plan, /USING INDEX sqlite_autoindex_calls_1/, said)
      if (state !== 'held') assert.doesNotMatch(plan, /TEMP B-TREE/, said)
    }
  }
})

test('accounts, keys and audit rows are never sorted, and found by an index', async (t) => {
  const store = await openEmpty(t)
  const plans: [string, string][] = []
  const look = async (what: string, found: Found) => {
    plans.push([what, await planOf(store, found)])
  }
  for (const filter of choices({ status: 'active', before: 'acc_1', q: 'x' } as const)) {
    for (const few of [true, false]) {
      await look(
        `accounts ${few ? 'few' : 'many'} ${Object.keys(filter)}`,
        findingAccounts({ ...filter, limit: 50 }, few),
      )
    }
  }
  for (const status of ['active', 'expired', 'revoked', undefined] as const) {
    for (const filter of choices({ accountId: 'a', before: 'key_1' })) {
      await look(`${status} keys ${Object.keys(filter)}`, findingKeys({ ...filter, status, limit: 50 }, 1))
    }
  }
  for (const filter of choices({ actor: 'a', action: 'b', subject: 'c', fromMs: 1, toMs: 2, before: 'aud_1' })) {
    await look(`audit ${Object.keys(filter)}`, findingNotes({ ...filter, limit: 50 }))
  }
  for (const [what, plan] of plans) {
    assert.match(plan, /^(SEARCH|SCAN) \w+ USING (COVERING )?INDEX /, `${what}: ${plan}`)
    // The few accounts whose words begin so are sorted by themselves.
    const sorted = what.includes('few') ? plan.replace('USE TEMP B-TREE FOR DISTINCT', '') : plan
    assert.doesNotMatch(sorted, /TEMP B-TREE/, `${what}: ${plan}`)
  }
})

const ranges: readonly Partial<UsageFilter>[] = [
  {},
  { firstDay: 20261101, lastDay: 20261101 },
  { firstDay: 20261001, lastDay: 20261030 },
  { firstDay: 20260501, lastDay: 20261015 },
  { firstDay: 20260515 },
]

/** Every report of usage, its first page and one further on. */
function* reports(accounts: readonly (string | undefined)[]): Generator<UsageFilter> {
  const all = choices({ day: true, account: true, key: true, offer: true })
  for (const chosen of all) {
    const by = groupings.filter((each) => chosen[each])
    for (const accountId of accounts) {
      for (const range of ranges) {
        const places = { day: 20261101, account_id: 'acc_5', key_id: 'key_5', offer: 'o' }
        const after = [...orderOf({ by, accountId }).map((column) => places[column]), 'test']
        for (const more of [{}, { after }]) yield { by, accountId, ...range, ...more, limit: 50 }
      }
    }
  }
}

test('a report of usage is read along an index and sorts no more than its page', async (t) => {
  const store = await openEmpty(t)
  for (const filter of reports(['a', undefined])) {
    // What is read of the rows a subquery has put together is no table.
    const plan = (await planOf(store, findingUsage(filter, 20261115))).replace(
      /(?<=CO-ROUTINE usage;.*); SCAN usage/,
      '',
    )
    const said = `${JSON.stringify(filter)}: ${plan}`
    const ofHouse = filter.accountId === undefined && !filter.by.includes('account') && !filter.by.includes('key')
    if (ofHouse) {
      assert.match(plan, /SEARCH usage_days USING PRIMARY KEY \(day.*SEARCH usage USING INDEX usage_by_day \(day/, said)
    } else {
      assert.doesNotMatch(plan, /SCAN usage(_\w+)?( USING [^;]+)?; USE TEMP B-TREE FOR (DISTINCT|ORDER)/, said)
      assert.match(plan, /(SEARCH|SCAN) (usage|usage_months)\b/, said)
    }
    if (filter.accountId !== undefined) assert.doesNotMatch(plan, /SCAN usage/, said)
  }
})

const server = sharedPostgres()

async function openFilled(t: TestContext, size: Size): Promise<Filled & { store: Store }> {
  const database = { kind: 'postgres', url: await (await server()).database() } as const
  await (await openStore(database)).close()
  const sink = await openSink(database)
  const filled = await fill(sink, size)
  await sink.close()
  const store = await openStore(database)
  t.after(() => store.close())
  return { ...filled, store }
}

async function postgresPlanOf(store: Store, { sql, params }: Found): Promise<string> {
  return (await store.read(`EXPLAIN ${sql}`, params)).map((row) => Object.values(row)[0]).join('\n')
}

test('on PostgreSQL no list and no report looks through a table for its page', async (t) => {
  const { store, busy, quiet } = await openFilled(t, { calls: 20_000, accounts: 12_000 })
  const looked: string[] = []
  const look = async (what: object, found: Found) => {
    const plan = await postgresPlanOf(store, found)
    if (/Seq Scan on (accounts|account_words|keys|calls|entries|usage|audit)\b/.test(plan)) {
      looked.push(`${JSON.stringify(what)}\n${plan}`)
    }
  }
  const filters = { accountId: busy.account, keyId: busy.key, offer: offers[0] ?? '', fromMs: 1, before: 'call_1' }
  for (const state of ['held', 'settled', 'released', undefined] as const) {
    for (const filter of choices(filters))
      await look({ ...filter, state }, findingCalls({ ...filter, state, limit: 50 }))
  }
  for (const filter of choices({ status: 'active', before: 'acc_1' } as const)) {
    await look(filter, findingAccounts({ ...filter, limit: 50 }))
    for (const [q, few] of [
      ['customer 11', true],
      ['customer', false],
    ] as const) {
      await look({ q, ...filter }, findingAccounts({ ...filter, q, limit: 50 }, few))
    }
  }
  for (const status of ['active', 'expired', 'revoked', undefined] as const) {
    for (const filter of choices({ accountId: busy.account, before: 'key_1' })) {
      await look({ ...filter, status }, findingKeys({ ...filter, status, limit: 50 }, Date.now()))
    }
  }
  for (const filter of choices({ actor: 'a', action: 'b', subject: 'c', fromMs: 1, before: 'aud_1' })) {
    await look(filter, findingNotes({ ...filter, limit: 50 }))
  }
  for (const filter of reports([busy.account, quiet.account, undefined])) {
    await look(filter, findingUsage(filter, lastOverDay(Date.now())))
  }
  assert.deepEqual(looked, [])
})

test('on PostgreSQL the last use of a key is found among its own calls, however few keys there are', async (t) => {
  const { store, busy } = await openFilled(t, { calls: 20_000, accounts: 1 })
  for (const filter of choices({ accountId: busy.account, before: 'key_1' })) {
    const plan = await postgresPlanOf(store, findingKeys({ ...filter, limit: 50 }, Date.now()))
    assert.match(plan, /calls_by_key/)
    assert.doesNotMatch(plan, /calls_pkey/)
  }
})

test('on PostgreSQL the calls of one who has not called lately are found without those of all others since', async (t) => {
  // Three accounts have a tenth of all calls each, and PostgreSQL cannot know when.
  const { store, busy } = await openFilled(t, { calls: 20_000, accounts: 1000 })
  const filters = { accountId: busy.account, keyId: busy.key, offer: offers[0] ?? '', fromMs: 1, before: 'call_1' }
  for (const state of ['settled', undefined] as const) {
    for (const filter of choices(filters)) {
      if (!filter.accountId && !filter.keyId && !filter.offer) continue
      const plan = await postgresPlanOf(store, findingCalls({ ...filter, state, limit: 50 }))
      const own = filter.keyId ? 'by_key' : filter.accountId ? 'by_account' : 'by_offer'
      assert.match(plan, new RegExp(`Index Scan (Backward using|on) calls_${own}`), plan)
      assert.equal(plan.match(/calls_\w+/g)?.length, 1, plan)
    }
  }
})

test('on PostgreSQL the keys of an account and what one did are found without those of all others since', async (t) => {
  const { store, busy } = await openFilled(t, { calls: 20_000, accounts: 12_000 })
  const plans: [own: string, plan: string][] = []
  for (const status of ['active', undefined] as const) {
    for (const before of [undefined, 'key_1']) {
      const found = findingKeys({ accountId: busy.account, status, before, limit: 50 }, Date.now())
      plans.push(['keys_by_account', await postgresPlanOf(store, found)])
    }
  }
  for (const filter of choices({ actor: 'a', action: 'b', subject: 'c', fromMs: 1, before: 'aud_1' })) {
    const own = filter.subject ? 'subject' : filter.actor ? 'actor' : filter.action ? 'action' : undefined
    if (own) plans.push([`audit_by_${own}`, await postgresPlanOf(store, findingNotes({ ...filter, limit: 50 }))])
  }
  for (const [own, plan] of plans) {
    assert.match(plan, new RegExp(`Index Scan (Backward using|on) ${own}`), plan)
    assert.doesNotMatch(plan, /(keys|audit)_pkey/, plan)
  }
})

test('on PostgreSQL the entries of a span of time are found by their numbers, and not sorted', async (t) => {
  const { store, busy } = await openFilled(t, { calls: 20_000, accounts: 1000 })
  const dayMs = 86_400_000
  const nowMs = Date.now()
  for (const days of [1, 10, 40, 400]) {
    for (const { fromMs, toMs } of choices({ fromMs: nowMs - 2 * days * dayMs, toMs: nowMs - days * dayMs })) {
      const low = fromMs === undefined ? undefined : 1
      const high = toMs === undefined ? undefined : 2000
      const found = findingEntries({ accountId: busy.account, fromMs, toMs, limit: 50 }, low, high)
      const plan = await postgresPlanOf(store, found)
      assert.match(plan, /Index Scan Backward using entries_pkey/, plan)
      assert.doesNotMatch(plan, /Sort|entries_by_time/, plan)
    }
  }
})
