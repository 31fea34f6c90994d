import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { behind, openTestHouse } from '../support/house.ts'
import { checkRefusal, shortTimes } from '../support/outcomes.ts'
import { openStandIn } from '../support/stand-in.ts'

const secrets = ['sk-CANARY-pool-one-0a1b2c3d4e5f', 'sk-CANARY-pool-two-1b2c3d4e5f60', 'sk-CANARY-pool-three-2c3d4e5f']

async function pool(t: Parameters<typeof openTestHouse>[0], tokens: string, env: Record<string, string> = {}) {
  const standIn = await openStandIn()
  t.after(() => standIn.close())
  const house = await openTestHouse(t, behind(standIn, { ...shortTimes, UPSTREAM_TOKENS: tokens, ...env }))
  const { secret } = await house.key(await house.account(1000))
  const call = (prompt: string) => house.client.call(secret, { prompt })
  const states = async () => {
    const { data } = (await house.admin('GET', '/tokens')).json() as { data: { hint: string; state: string }[] }
    return data.map(({ state }) => state)
  }
  return { standIn, house, call, states }
}

test('of three tokens one is revoked, one empty and one cools: no caller sees why, and calls go on by themselves', async (t) => {
  const { standIn, house, call, states } = await pool(t, secrets.join(','))
  const modes = ['auth-revoked', 'out-of-credits', 'rate-limited:1'] as const
  for (const [index, secret] of secrets.entries()) standIn.tokenMode(secret, modes[index] ?? 'ok')
  const first = await call('nobody can take it')
  assert.equal(first.status, 429)
  checkRefusal(first, 'rate_limit_exceeded')
  assert.deepEqual(await states(), ['revoked', 'empty', 'cooling'])
  standIn.tokenMode(secrets[2] ?? '', 'ok')
  await sleep(1100)
  const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => call(`number ${index}`)))
  assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200])
  assert.deepEqual(await states(), ['revoked', 'empty', 'active'])
  // Those that are out are not asked again by any call.
  assert.equal(standIn.calls.filter(({ token }) => token === secrets[0]).length, 1)
  assert.equal(standIn.calls.filter(({ token }) => token === secrets[1]).length, 1)
  await house.balanced()
})

test('an operator brings a token back, and calls use it at once', async (t) => {
  const { standIn, house, call, states } = await pool(t, secrets[0] ?? '')
  standIn.mode('auth-revoked')
  const refused = await call('refused')
  assert.equal(refused.status, 503)
  checkRefusal(refused, 'upstream_unavailable')
  standIn.mode('ok')
  assert.equal((await call('still refused')).status, 503)
  const { data } = (await house.admin('GET', '/tokens')).json() as { data: { id: string }[] }
  assert.equal((await house.admin('POST', `/tokens/${data[0]?.id}/resume`)).status, 200)
  assert.deepEqual(await states(), ['active'])
  assert.equal((await call('served')).status, 200)
  await house.balanced()
})

test('a token takes as many calls as its weight says', async (t) => {
  const { standIn, house, call } = await pool(t, `${secrets[0]}@3,${secrets[1]}`)
  for (let count = 0; count < 12; count++) assert.equal((await call(`number ${count}`)).status, 200)
  assert.equal(standIn.calls.filter(({ token }) => token === secrets[0]).length, 9)
  await house.balanced()
})

test('a token has no more calls in flight than it may, and the next waits for one to end', async (t) => {
  const { standIn, house, call } = await pool(t, secrets.slice(0, 2).join(','), {
    ...{ UPSTREAM_TOKEN_CONCURRENCY: '2', QUEUE_WAIT_MS: '5000' },
    ...{ UPSTREAM_HEADERS_TIMEOUT_MS: '8000', UPSTREAM_DEADLINE_MS: '9000' },
  })
  standIn.holdAnswers()
  const calls = Array.from({ length: 10 }, (_, index) => call(`number ${index}`))
  await standIn.waitFor(4)
  await sleep(200)
  assert.equal(standIn.calls.length, 4)
  for (const secret of secrets.slice(0, 2)) {
    assert.equal(standIn.calls.filter(({ token }) => token === secret).length, 2)
  }
  standIn.letGo()
  for (const reply of await Promise.all(calls)) assert.equal(reply.status, 200)
  await house.balanced()
})

test('a token that fails many times in a row rests while another one works', async (t) => {
  const { standIn, house, call, states } = await pool(t, secrets.slice(0, 2).join(','))
  standIn.tokenMode(secrets[0] ?? '', 'server-error')
  for (let count = 0; count < 24; count++) await call(`number ${count}`)
  assert.deepEqual(await states(), ['resting', 'active'])
  for (let count = 0; count < 4; count++) assert.equal((await call(`later ${count}`)).status, 200)
  await house.balanced()
})
