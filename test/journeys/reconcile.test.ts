import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openAccounts } from '../../src/accounts/accounts.ts'
import { startProbingTokens } from '../../src/chores/probe-tokens.ts'
import { type Credits, millionths } from '../../src/credits.ts'
import { openKeys } from '../../src/keys/keys.ts'
import { openLedger } from '../../src/ledger/ledger.ts'
import { openLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { dayOf, dayText } from '../../src/times.ts'
import { latest } from '../../src/upstream/token-balances.ts'
import { dataOf, good } from '../support/admin.ts'
import { behind, masterToken, openTestHouse, type TestHouse } from '../support/house.ts'
import { openLive } from '../support/live.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { openPlace } from '../support/process.ts'
import { until } from '../support/raw-client.ts'
import { type Serving, serving } from '../support/serving.ts'
import type { StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

type Json = Readonly<Record<string, unknown>>

/** Asks for the balance as the house does, but every few milliseconds. */
function asking(t: TestContext, house: TestHouse, standIn: StandIn) {
  const live = openLive(t, standIn.origin, [masterToken])
  const log = openLog('silent', false, { write: () => undefined })
  const leastCredits = 3_000_000 as Credits
  const rounds = startProbingTokens({ store: house.store, upstream: live, log, leastCredits, everyMs: 15 })
  t.after(() => rounds.close())
  const [id = ''] = live.tokens().map((token) => token.id)

  /** Waits for a balance that was asked for after this moment. */
  async function read(): Promise<number | undefined> {
    const sinceMs = Date.now()
    const last = async () => (await latest(house.store, [id])).get(id)
    await until('the balance is read', async () => ((await last())?.askedAtMs ?? 0) > sinceMs)
    return (await last())?.credits
  }

  return { id, read, close: rounds.close }
}

test('one generation that was billed and delivered to nobody is found, and traced to its call', async (t) => {
  const standIn = await opened(t)
  standIn.purses.set(masterToken, 50.25)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(100))
  const { id, read, close } = asking(t, house, standIn)
  const call = async (prompt: string) => (await house.client.call(secret, { prompt })).headers['x-request-id']
  const today = async () => {
    await read()
    const told = good(await house.admin('GET', `/reconcile?day=${dayText(dayOf(Date.now()))}`))
    const [token, ...more] = told['tokens'] as Json[]
    assert.ok(token && more.length === 0)
    return token
  }
  assert.equal(await read(), 50_250_000)
  for (const prompt of ['one', 'two', 'mode:server-error', 'mode:reset-before-headers']) await call(prompt)
  const even = await today()
  assert.deepEqual(
    [even['token_id'], even['finding'], even['fall'], even['settled'], even['may_bill']],
    [id, 'even', 6, 6, { calls: 1, credits: 3 }],
  )
  assert.match(String(even['explained_by']), / Of 1 call that might have been billed in vain none was\.$/)
  const lost = await call('mode:reset-before-headers-billed')
  await call('three')
  const odd = await today()
  assert.deepEqual([odd['finding'], odd['unexplained'], odd['settled']], ['unexplained', 3, 9])
  assert.equal(odd['explained_by'], `The upstream billed the call ${lost}, which nobody paid for.`)
  assert.deepEqual((odd['candidates'] as Json[])[0]?.['id'], lost)
  standIn.purses.set(masterToken, 1000)
  await read()
  await call('four')
  const late = await today()
  assert.deepEqual([late['unexplained'], late['settled'], late['topped_up']], [3, 12, 961.75])
  await close()
  await house.balanced()
})

const server = sharedPostgres()

test('replicas agree on a token that was set aside, and on its return, whoever found out', async (t) => {
  const url = await (await server()).database()
  const { secret } = await furnished(url)
  const standIn = await opened(t)
  const place = openPlace(t)
  const env = behind(standIn, { DATABASE_URL: url })
  const [one, other] = await Promise.all([serving(t, place, { env }), serving(t, place, { env })])
  const tokenAt = async (house: Serving): Promise<Json> => dataOf(await house.admin('GET', '/tokens'))[0] ?? {}
  const agreed = (state: string) =>
    until(`both say ${state}`, async () => {
      const states = await Promise.all([one, other].map(async (house) => (await tokenAt(house))['state']))
      return states.every((each) => each === state)
    })
  for (const [mode, state, reason] of [
    ['auth-revoked', 'revoked', 'upstream_auth_failed'],
    ['out-of-credits', 'empty', 'upstream_out_of_credits'],
  ] as const) {
    standIn.tokenMode(masterToken, mode)
    assert.equal((await one.client.call(secret, { prompt: 'x' })).status, 503)
    await agreed(state)
    const seen = standIn.calls.length
    assert.equal((await other.client.call(secret, { prompt: 'x' })).status, 503)
    assert.equal(standIn.calls.length, seen)
    assert.equal((await tokenAt(other))['reason'], reason)
    standIn.tokenMode(masterToken, 'ok')
    const { id } = await tokenAt(other)
    assert.equal((await other.admin('POST', `/tokens/${String(id)}/resume`)).status, 200)
    await agreed('active')
    assert.equal((await one.client.call(secret, { prompt: 'x' })).status, 200)
  }
  await one.balanced()
  await other.balanced()
})

test('a house that is killed and started again still leaves a revoked token alone', async (t) => {
  const standIn = await opened(t)
  standIn.tokenMode(masterToken, 'auth-revoked')
  const place = openPlace(t)
  const { secret } = await place.furnish(10)
  const env = behind(standIn)
  const before = await place.start(env)
  assert.equal((await before.client.call(secret, { prompt: 'x' })).status, 503)
  await until('it is written', () => place.rows('SELECT state FROM token_states')[0]?.['state'] === 'revoked')
  before.kill('SIGKILL')
  await before.ended
  standIn.tokenMode(masterToken, 'ok')
  const after = await serving(t, place, { env })
  const [token] = dataOf(await after.admin('GET', '/tokens'))
  assert.deepEqual([token?.['state'], token?.['reason']], ['revoked', 'upstream_auth_failed'])
  assert.equal((await after.client.call(secret, { prompt: 'x' })).status, 503)
  assert.equal(standIn.calls.length, 1)
  assert.equal((await after.admin('POST', `/tokens/${String(token?.['id'])}/resume`)).status, 200)
  assert.equal((await after.client.call(secret, { prompt: 'x' })).status, 200)
  await after.balanced()
})

async function furnished(url: string) {
  const store = await openStore({ kind: 'postgres', url })
  try {
    const account = openAccounts(store).creating('a test account', null)
    const key = openKeys(store, 0).issuing(account.id, { name: 'a test key' })
    assert.equal((await store.write([...account.unit, ...key.unit])).refused, undefined)
    const gift = { accountId: account.id, credits: millionths(100_000_000), reason: 'test' }
    await openLedger(store, 'test').grant(gift)
    return { secret: key.secret }
  } finally {
    await store.close()
  }
}
