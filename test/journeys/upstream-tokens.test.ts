import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behind, masterToken, openTestHouse, type TestHouse } from '../support/house.ts'
import { attemptsOf, checkOwnHeaders, checkRefusal, lineOf, shortTimes } from '../support/outcomes.ts'
import { openStandIn, type StandIn } from '../support/stand-in.ts'
import type { Mode } from '../support/stand-in-modes.ts'

const otherToken = 'sk-CANARY-other-0a1b2c3d4e5f60718293a4b5c6d7e8f9'
const tokens = [masterToken, otherToken]

type Refusal = { readonly status: number; readonly name: string; readonly retryAfter: string; readonly reason: string }

const unauthorized: Refusal = {
  ...{ status: 503, name: 'upstream_unavailable', retryAfter: '60', reason: 'upstream_auth_failed' },
}
const empty: Refusal = { ...unauthorized, reason: 'upstream_out_of_credits' }
const limited: Refusal = { status: 429, name: 'rate_limit_exceeded', retryAfter: '60', reason: 'upstream_429' }

/** What becomes of two calls in a row when the tokens are answered in these ways, in order. */
const refusals: readonly { readonly modes: readonly Mode[]; readonly first: Refusal; readonly second: string }[] = [
  { modes: ['auth-revoked'], first: unauthorized, second: 'upstream_unavailable' },
  { modes: ['out-of-credits'], first: empty, second: 'upstream_unavailable' },
  { modes: ['rate-limited'], first: limited, second: 'rate_limit_exceeded' },
  { modes: ['rate-limited:600'], first: { ...limited, retryAfter: '600' }, second: 'rate_limit_exceeded' },
  { modes: ['rate-limited:999999'], first: { ...limited, retryAfter: '3600' }, second: 'rate_limit_exceeded' },
  { modes: ['rate-limited:-5'], first: limited, second: 'rate_limit_exceeded' },
  { modes: ['error-not-json:401'], first: unauthorized, second: 'upstream_unavailable' },
  { modes: ['echo-token-error:401'], first: unauthorized, second: 'upstream_unavailable' },
  { modes: ['error-truncated:402'], first: empty, second: 'upstream_unavailable' },
  { modes: ['error-huge:429'], first: limited, second: 'rate_limit_exceeded' },
  { modes: ['auth-revoked', 'auth-revoked'], first: unauthorized, second: 'upstream_unavailable' },
  { modes: ['auth-revoked', 'out-of-credits'], first: empty, second: 'upstream_unavailable' },
  {
    modes: ['auth-revoked', 'rate-limited:600'],
    first: { ...limited, retryAfter: '600' },
    second: 'rate_limit_exceeded',
  },
  {
    modes: ['rate-limited:600', 'auth-revoked'],
    first: { ...limited, retryAfter: '600' },
    second: 'rate_limit_exceeded',
  },
  {
    modes: ['rate-limited:600', 'out-of-credits'],
    first: { ...limited, retryAfter: '600' },
    second: 'rate_limit_exceeded',
  },
  // The first token back decides, whichever was asked last.
  {
    modes: ['rate-limited:600', 'rate-limited:90'],
    first: { ...limited, retryAfter: '90' },
    second: 'rate_limit_exceeded',
  },
  {
    modes: ['rate-limited:90', 'rate-limited:600'],
    first: { ...limited, retryAfter: '90' },
    second: 'rate_limit_exceeded',
  },
]

test('a call that no token could take costs nothing, and the next one is refused before anything is held', {
  concurrency: 4,
}, async (t) => {
  const runs = refusals.map(({ modes, first, second }) =>
    t.test(modes.join(', then '), async (t) => {
      const { standIn, house, secret } = await opened(t, modes)
      const reply = await house.client.call(secret, { prompt: 'the first' })
      checkRefused(reply, first)
      assert.deepEqual([reply.headers['x-credits-charged'], reply.headers['x-credits-available']], ['0', '10'])
      assert.equal(reply.headers['x-credits-price'], '3')
      const row = await house.ended(reply.headers['x-request-id'] ?? '')
      assert.deepEqual([row['state'], row['outcome'], row['upstream_may_bill']], ['released', 'failed', 0])
      assert.deepEqual([row['status'], row['reason']], [first.status, first.reason])
      assert.equal(new Set(attemptsOf(row).map(({ tokenId }) => tokenId)).size, modes.length)
      assert.equal(standIn.calls.length, modes.length)
      await refusedBeforeTheHold(house, standIn, secret, second, first.retryAfter)
      await house.balanced()
    }),
  )
  await Promise.all(runs)
})

type Reply = Awaited<ReturnType<TestHouse['client']['call']>>

function checkRefused(reply: Reply, { status, name, retryAfter }: Refusal): void {
  assert.equal(reply.status, status)
  checkRefusal(reply, name)
  checkOwnHeaders(reply.headers)
  assert.equal(reply.headers['retry-after'], retryAfter)
  assert.ok(!tokens.some((token) => reply.body.includes(token) || JSON.stringify(reply.headers).includes(token)))
}

async function refusedBeforeTheHold(
  house: TestHouse,
  standIn: StandIn,
  secret: string,
  name: string,
  retryAfter: string,
): Promise<void> {
  const seen = standIn.calls.length
  const reply = await house.client.call(secret, { prompt: 'the second' })
  assert.equal(reply.status, name === 'rate_limit_exceeded' ? 429 : 503)
  checkRefusal(reply, name)
  // A few seconds of the rest may have gone by.
  const seconds = Number(reply.headers['retry-after'])
  assert.ok(seconds > Number(retryAfter) - 30 && seconds <= Number(retryAfter), `${seconds} of ${retryAfter}`)
  for (const header of ['x-credits-charged', 'x-credits-available']) assert.equal(reply.headers[header], undefined)
  const id = reply.headers['x-request-id'] ?? ''
  assert.deepEqual(await house.store.read('SELECT id FROM calls WHERE id = $1', [id]), [])
  assert.equal(standIn.calls.length, seen)
  assert.equal((await lineOf(house, id))['outcome'], 'refused')
}

for (const [mode, reason] of [
  ['auth-revoked', 'upstream_auth_failed'],
  ['out-of-credits', 'upstream_out_of_credits'],
  ['rate-limited', 'upstream_429'],
] as const) {
  test(`${mode}: another token takes the call, and those after it`, async (t) => {
    const { standIn, house, secret } = await opened(t, [mode, 'ok'])
    const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
    assert.deepEqual(
      [reply.status, reply.headers['x-credits-charged'], reply.headers['x-credits-available']],
      [200, '3', '7'],
    )
    checkOwnHeaders(reply.headers)
    const row = await house.ended(reply.headers['x-request-id'] ?? '')
    assert.deepEqual([row['state'], row['outcome'], row['upstream_status']], ['settled', 'succeeded', 200])
    const [first, second] = attemptsOf(row)
    assert.deepEqual([second?.status, row['token_id']], [200, second?.tokenId])
    assert.notEqual(first?.tokenId, second?.tokenId)
    const notice = house.lines.find((line) => line['msg'] === 'upstream')
    assert.deepEqual([notice?.['reason'], notice?.['token_id']], [reason, first?.tokenId])
    const [one, two] = standIn.calls
    assert.equal(one?.sha256, two?.sha256)
    // The token that was refused is left alone from now on.
    for (const prompt of ['the second', 'the third']) {
      assert.equal((await house.client.call(secret, { prompt })).status, 200)
    }
    assert.deepEqual(
      standIn.calls.map(({ token }) => token),
      [masterToken, otherToken, otherToken, otherToken],
    )
    await house.balanced()
  })
}

for (const mode of [
  'forbidden',
  'moderation',
  'server-error',
  'unavailable',
  'reset-before-headers',
  'status-408',
] as const) {
  test(`${mode}: no other token is tried`, async (t) => {
    const { standIn, house, secret } = await opened(t, [mode, 'ok'])
    const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
    assert.notEqual(reply.status, 200)
    assert.equal(standIn.calls.length, 1)
    assert.equal((await house.client.call(secret, { prompt: 'the second' })).status, 200)
    await house.balanced()
  })
}

test('a token that only rested is used again', async (t) => {
  const { standIn, house, secret } = await opened(t, ['rate-limited:1'])
  assert.equal((await house.client.call(secret, { prompt: 'too soon' })).status, 429)
  standIn.tokenMode(masterToken, 'ok')
  await new Promise((wake) => setTimeout(wake, 1100))
  assert.equal((await house.client.call(secret, { prompt: 'later' })).status, 200)
  await house.balanced()
})

test('calls that find the last token gone while they are held are told to wait, and cost nothing', async (t) => {
  const { standIn, house, secret } = await opened(t, ['rate-limited:600'], 100)
  standIn.holdAnswers()
  const calls = Array.from({ length: 20 }, (_, index) => house.client.call(secret, { prompt: `number ${index}` }))
  await standIn.waitFor(1)
  standIn.letGo()
  for (const reply of await Promise.all(calls)) {
    assert.deepEqual([reply.status, reply.json()['name']], [429, 'rate_limit_exceeded'])
    assert.ok(Number(reply.headers['retry-after']) > 500)
  }
  await house.balanced()
})

test('tokens take calls in turn', async (t) => {
  const { standIn, house, secret } = await opened(t, ['ok', 'ok'])
  for (const prompt of ['one', 'two', 'three']) await house.client.call(secret, { prompt })
  assert.deepEqual(
    standIn.calls.map(({ token }) => token),
    [masterToken, otherToken, masterToken],
  )
  await house.balanced()
})

/** A house with as many tokens as modes, each answered in its own way, and a key of an account with credits. */
async function opened(t: Parameters<typeof openTestHouse>[0], modes: readonly Mode[], credits = 10) {
  const standIn = await openStandIn()
  t.after(() => standIn.close())
  for (const [index, mode] of modes.entries()) standIn.tokenMode(tokens[index] ?? '', mode)
  const given = { UPSTREAM_TOKENS: tokens.slice(0, modes.length).join(',') }
  const house = await openTestHouse(t, behind(standIn, { ...shortTimes, ...given }))
  const { secret } = await house.key(await house.account(credits))
  return { standIn, house, secret }
}
