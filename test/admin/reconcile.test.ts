import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { millionths } from '../../src/credits.ts'
import { idAt } from '../../src/ids.ts'
import { dayMs, dayOf, dayText, formatTime } from '../../src/times.ts'
import { keeping } from '../../src/upstream/token-balances.ts'
import { dataOf, good, openSelling, post, refusal } from '../support/admin.ts'
import { masterToken, openTestHouse } from '../support/house.ts'

type Json = Readonly<Record<string, unknown>>

const startMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs
const yesterday = dayText(dayOf(startMs))
const noon = startMs + dayMs / 2
const minute = 60_000

type Wish = {
  readonly state?: 'held' | 'settled' | 'released'
  readonly mayBill?: boolean
  readonly tokenId?: string | null
  readonly mode?: 'live' | 'test'
  readonly offer?: string
  readonly price?: number
}

/** A house with one token, whose calls and readings of yesterday a test writes down. */
async function opening(t: TestContext) {
  const house = await openSelling(t)
  const account = await house.account(100)
  const { id: keyId } = await house.key(account)
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const own = String(token?.['id'])
  let serial = 0

  /** A call of some seconds that ended at that moment; not held to the ledger, which has its own tests. */
  async function call(endedAtMs: number, wish: Wish = {}): Promise<string> {
    const { state = 'settled', mayBill = false, tokenId = own, mode = 'live', offer = 'stable-image-core' } = wish
    const createdAtMs = endedAtMs - 5000
    const id = `${idAt('call', createdAtMs)}${String(++serial).padStart(16, '0')}`
    const outcome = state === 'held' ? null : state === 'settled' ? 'succeeded' : mayBill ? 'unknown' : 'failed'
    const sql = `INSERT INTO calls (id, account_id, key_id, spend_id, offer, mode, state, outcome, reason,
        upstream_may_bill, price, price_version, held, credits, upstream, token_id, bytes_in, owner, day, created_at, ended_at)
      VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, 'stability', $13, 1, 'local', $14, $15, $16)`
    const price = wish.price ?? 4_000_000
    const charged = state === 'settled' && mode === 'live' ? price : 0
    const ended = state === 'held' ? null : endedAtMs
    await house.store.write([
      {
        sql,
        params: [
          ...[id, account, keyId, offer, mode, state, outcome, 'why', mayBill ? 1 : 0, price, price, charged],
          ...[tokenId, dayOf(createdAtMs), createdAtMs, ended],
        ],
      },
    ])
    return id
  }

  async function read(atMs: number, credits: number, tokenId = own): Promise<void> {
    const reading = { atMs, askedAtMs: atMs - 200, credits: millionths(Math.round(credits * 1_000_000)) }
    await house.store.write([keeping(tokenId, reading)])
  }

  const tokens = async (query = `?day=${yesterday}`): Promise<Json[]> =>
    good(await house.admin('GET', `/reconcile${query}`))['tokens'] as Json[]

  async function one(query?: string): Promise<Json> {
    const [only, ...more] = await tokens(query)
    assert.ok(only && more.length === 0)
    return only
  }

  return { house, own, call, read, one, tokens }
}

const candidates = (token: Json) => token['candidates'] as Json[]
const idsOf = (token: Json) => candidates(token).map(({ id, why }) => [id, why])

test('a day whose fall is what its calls cost at the list price is even, whatever they were sold for', async (t) => {
  const { house, own, call, read, one } = await opening(t)
  await call(startMs - 20_000)
  await read(startMs - 10_000, 100)
  await read(noon, 97)
  await read(startMs + dayMs + 10_000, 94)
  await call(noon - minute)
  await call(noon + minute)
  await call(noon, { mode: 'test' })
  await call(noon, { state: 'released' })
  await call(startMs + dayMs + 30_000)
  const token = await one()
  const { jumps, candidates: found, ...sums } = token
  assert.deepEqual([jumps, found], [[], []])
  assert.deepEqual(sums, {
    ...{ token_id: own, hint: masterToken.slice(-4), finding: 'even' },
    explained_by: 'The balance fell by what the successful calls cost.',
    ...{ from: formatTime(startMs - 10_000), to: formatTime(startMs + dayMs + 10_000) },
    balance_start: { credits: 100, at: formatTime(startMs - 10_000) },
    balance_end: { credits: 94, at: formatTime(startMs + dayMs + 10_000) },
    ...{ fall: 6, topped_up: 0, settled: 6, settled_calls: 2, settled_credits: 8, unexplained: 0 },
    ...{ may_bill: { calls: 0, credits: 0 }, in_flight: { calls: 0, credits: 0 } },
  })
  assert.deepEqual(await one(''), token)
  assert.equal(good(await house.admin('GET', '/reconcile'))['day'], yesterday)
})

test('a call that was billed and not paid is named, before others that might have been', async (t) => {
  const { call, read, one } = await opening(t)
  for (const [hour, credits] of [100, 97, 91, 88].entries()) await read(startMs + hour * 3_600_000, credits)
  await call(startMs + 1_800_000)
  const early = await call(startMs + 1_800_000, { state: 'released', mayBill: true })
  await call(startMs + 5_400_000)
  const lost = await call(startMs + 5_400_000, { state: 'released', mayBill: true })
  const failed = await call(startMs + 5_400_000, { state: 'released' })
  await call(startMs + 9_000_000)
  const token = await one()
  assert.deepEqual([token['finding'], token['unexplained'], token['settled']], ['unexplained', 3, 9])
  assert.deepEqual(token['may_bill'], { calls: 2, credits: 6 })
  assert.equal(token['explained_by'], `The upstream billed the call ${lost}, which nobody paid for.`)
  const [jump, ...more] = token['jumps'] as Json[]
  assert.deepEqual([jump?.['to'], jump?.['credits'], more], [formatTime(startMs + 7_200_000), 3, []])
  const ids = idsOf(token)
  assert.deepEqual(ids.slice(0, 3), [
    [lost, 'may_bill'],
    [early, 'may_bill'],
    [failed, 'near'],
  ])
  assert.equal(ids.length, 4)
  const { charged, credits, outcome } = candidates(token)[0] ?? {}
  assert.deepEqual({ charged, credits, outcome }, { charged: 0, credits: 3, outcome: 'unknown' })
})

test('a top-up is told apart and hides no call outside its own time', async (t) => {
  const { call, read, one } = await opening(t)
  for (const [hour, credits] of [10, 7, 1004, 998].entries()) await read(startMs + hour * 3_600_000, credits)
  await call(startMs + 1_800_000)
  await call(startMs + 5_400_000)
  await call(startMs + 9_000_000)
  const token = await one()
  assert.deepEqual(
    [token['fall'], token['topped_up'], token['settled'], token['unexplained'], token['finding']],
    [12, 1000, 9, 3, 'unexplained'],
  )
  assert.equal((token['jumps'] as Json[])[0]?.['to'], formatTime(startMs + 10_800_000))
})

test('calls under way while a balance was read explain as much as they cost, and no more', async (t) => {
  const { call, read, one } = await opening(t)
  await read(startMs, 100)
  await read(noon, 94)
  await call(noon - minute)
  const straddling = await call(noon + 2000)
  const token = await one()
  assert.deepEqual(
    [token['finding'], token['unexplained'], token['in_flight']],
    ['in_flight', 3, { calls: 1, credits: 3 }],
  )
  assert.match(String(token['explained_by']), /^1 call was under way /)
  assert.deepEqual(idsOf(token)[0], [straddling, 'in_flight'])
  await read(noon + 1, 90.5)
  assert.deepEqual([(await one())['finding'], (await one())['unexplained']], ['unexplained', 6.5])
})

test('a difference that was made good again is no jump', async (t) => {
  const { call, read, one } = await opening(t)
  for (const [hour, credits] of [100, 94, 94, 91].entries()) await read(startMs + hour * 3_600_000, credits)
  await call(startMs + 1_800_000)
  await call(startMs + 5_400_000)
  const token = await one()
  const [jump, ...more] = token['jumps'] as Json[]
  assert.deepEqual([jump?.['to'], more], [formatTime(startMs + 10_800_000), []])
  assert.equal(token['explained_by'], 'No call was under way when the balance fell: the token may be in use elsewhere.')
  assert.deepEqual(candidates(token), [])
})

test('an upstream that took less than the calls cost is told, with the calls it may have left out', async (t) => {
  const { call, read, one } = await opening(t)
  await read(startMs, 100)
  await read(noon, 100)
  const spared = await call(noon - minute)
  const token = await one()
  assert.deepEqual([token['finding'], token['unexplained']], ['unexplained', -3])
  assert.match(String(token['explained_by']), /^The upstream took less /)
  assert.deepEqual(idsOf(token), [[spared, 'near']])
})

test('more lost calls than the balance fell by are all told, and it is said that some were billed', async (t) => {
  const { call, read, one } = await opening(t)
  await read(startMs, 100)
  await read(noon, 97)
  for (let count = 0; count < 130; count++) await call(noon - minute, { state: 'released', mayBill: true })
  const token = await one()
  assert.equal(token['explained_by'], 'The upstream billed some of 100 calls that nobody paid for.')
  assert.deepEqual([candidates(token).length, token['may_bill']], [100, { calls: 130, credits: 390 }])
})

test('a call that died with its process may be any token’s, and one of an old offer costs what it cost here', async (t) => {
  const { house, call, read, one } = await opening(t)
  await read(startMs, 100)
  await read(noon, 95)
  await call(noon - 2 * minute, { offer: 'of-long-ago', price: 2_000_000 })
  const died = await call(noon - minute, { state: 'released', mayBill: true, tokenId: null })
  const token = await one()
  assert.deepEqual([token['settled'], token['unexplained'], token['may_bill']], [2, 3, { calls: 0, credits: 0 }])
  assert.deepEqual(idsOf(token)[0], [died, 'may_bill'])
  const told = good(await house.admin('GET', `/reconcile?day=${yesterday}`))
  assert.deepEqual(told['without_token'], { calls: 1, credits: 3 })
})

test('without two readings nothing can be said, and calls are counted by the day', async (t) => {
  const { call, read, one } = await opening(t)
  await call(noon)
  await call(noon, { state: 'released', mayBill: true })
  for (const at of [undefined, noon]) {
    if (at !== undefined) await read(at, 50)
    const token = await one()
    assert.deepEqual([token['finding'], token['fall'], token['unexplained']], ['unknown', null, null])
    assert.deepEqual([token['balance_start'], token['settled'], token['may_bill']], [null, 3, { calls: 1, credits: 3 }])
    assert.deepEqual([token['from'], token['to']], [formatTime(startMs), formatTime(startMs + dayMs)])
  }
})

test('a token that is no longer set is told as long as there is anything to tell of it', async (t) => {
  const { own, call, read, tokens } = await opening(t)
  const [read_, called] = ['tok_0000000000000000000a', 'tok_0000000000000000000b']
  await read(startMs, 10, read_)
  await read(noon, 7, read_)
  await read(noon - 3 * dayMs, 7, 'tok_0000000000000000000c')
  await call(noon - minute, { tokenId: read_ })
  await call(noon, { tokenId: called })
  const told = (await tokens()).map(({ token_id: id, hint, finding }) => [id, hint, finding])
  assert.deepEqual(told, [
    [own, masterToken.slice(-4), 'unknown'],
    [read_, null, 'even'],
    [called, null, 'unknown'],
  ])
})

test('a day of many calls is read in pages and adds up', async (t) => {
  const { house, call, read, one } = await opening(t)
  await read(startMs, 100_000)
  await read(noon, 100_000 - 3 * 2500)
  const first = await call(noon - 3_600_000)
  const copy = `INSERT INTO calls SELECT substr(id, 1, 15) || substr('0000000000000000' || numbers.n, -16) AS id, account_id,
      key_id, spend_id, offer, mode, state, outcome, reason, upstream_may_bill, price, price_version, held, credits, refunded_at,
      upstream, token_id, attempts, status, upstream_status, upstream_ms, bytes_in, bytes_out, client_request_id, owner, day,
      created_at, ended_at FROM calls, (WITH RECURSIVE numbers (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM numbers
      WHERE n < 3498) SELECT n FROM numbers) AS numbers WHERE id = $1`
  await house.store.write([{ sql: copy, params: [first] }])
  const token = await one()
  assert.deepEqual([token['settled_calls'], token['finding']], [2500, 'even'])
})

test('days that never were or have not begun are refused, today is not', async (t) => {
  const house = await openTestHouse(t)
  const ask = (query: string) => house.admin('GET', `/reconcile${query}`)
  for (const day of ['2026-02-30', '2026-13-01']) refusal(await ask(`?day=${day}`), 400, 'bad_request', 'no such day')
  for (const day of ['yesterday', '2026-1-1', '20261121', '', '2026-11-21T00:00:00Z']) {
    refusal(await ask(`?day=${day}`), 400, 'bad_request', 'must be a day such as')
  }
  const tomorrow = dayText(dayOf(Date.now() + dayMs))
  refusal(await ask(`?day=${tomorrow}`), 400, 'bad_request', 'has not begun yet')
  refusal(await ask('?date=2026-11-21'), 400, 'bad_request', 'date: is not known here')
  const today = dayText(dayOf(Date.now()))
  const nothing = { tokens: [], without_token: { calls: 0, credits: 0 } }
  assert.deepEqual(good(await ask(`?day=${today}`)), { day: today, ...nothing })
})

test('a viewer may look at the operator’s money and resume nothing; a stranger may neither', async (t) => {
  const house = await openSelling(t)
  const [token] = dataOf(await house.admin('GET', '/tokens'))
  const resume = `/tokens/${String(token?.['id'])}/resume`
  const viewer = (await post(house, '/operators', { name: 'Vic', role: 'viewer' }))['secret']
  const { secret } = await house.key(await house.account(0))
  const ask = (key: string, method: string, path: string) =>
    house.admin(method, path, undefined, { authorization: key && `Bearer ${key}` })
  for (const path of ['/reconcile', '/tokens', '/books']) {
    assert.equal((await ask(String(viewer), 'GET', path)).status, 200)
    for (const key of ['', secret, 'tg_admin_wrong']) refusal(await ask(key, 'GET', path), 401, 'unauthorized')
  }
  refusal(await ask(String(viewer), 'POST', resume), 403, 'forbidden')
  for (const key of ['', secret]) refusal(await ask(key, 'POST', resume), 401, 'unauthorized')
})
