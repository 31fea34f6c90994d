import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type CallOptions, formOf, type Reply } from '../support/client.ts'
import { behind, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

async function opening(t: TestContext, env = {}) {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, env))
  const account = await house.account(30)
  const { secret } = await house.key(account)
  const call = (idempotencyKey: string, fields: Record<string, string>, options: CallOptions = {}): Promise<Reply> =>
    house.client.call(secret, fields, {
      ...options,
      headers: { 'idempotency-key': idempotencyKey, ...options.headers },
    })
  const spent = async () => 30_000_000 - (await house.balanceOf(account)).available
  return { standIn, house, account, secret, call, spent }
}

/** The same parts between other delimiters, as a client's second try has them. */
function redrawn(fields: Record<string, string>, boundary: string) {
  return { bytes: Buffer.from(formOf(fields).toString('utf8').replaceAll('a-usual-boundary', boundary)), boundary }
}

function same(first: Reply, second: Reply): void {
  assert.deepEqual(
    [second.status, second.headers['x-request-id'], second.headers['content-type'], second.headers['seed']],
    [200, first.headers['x-request-id'], first.headers['content-type'], first.headers['seed']],
  )
  assert.equal(second.headers['idempotent-replayed'], 'true')
  assert.ok(second.body.equals(first.body))
}

test('a repeated call gets the same bytes, seed and call id, and costs nothing more', async (t) => {
  const { standIn, house, call, spent } = await opening(t)
  const first = await call('order-1', { prompt: 'a lighthouse' })
  assert.equal(first.status, 200)
  assert.equal(first.headers['idempotent-replayed'], undefined)
  same(first, await call('order-1', { prompt: 'a lighthouse' }))
  same(first, await call('order-1', {}, { raw: redrawn({ prompt: 'a lighthouse' }, 'another-boundary-7') }))
  assert.deepEqual([standIn.calls.length, await spent()], [1, 3_000_000])
  await house.balanced()
})

test('the JSON form is repeated as it was', async (t) => {
  const { house, call } = await opening(t)
  const first = await call('json', { prompt: 'x' }, { accept: 'application/json' })
  same(first, await call('json', { prompt: 'x' }, { accept: 'application/json' }))
  await house.balanced()
})

test('another body, another order of parts or another accept is a conflict', async (t) => {
  const { standIn, house, call } = await opening(t)
  await call('order', { prompt: 'a', seed: '1' })
  const others = [
    await call('order', { prompt: 'b', seed: '1' }),
    await call('order', { seed: '1', prompt: 'a' }),
    await call('order', { prompt: 'a', seed: '1' }, { accept: 'application/json' }),
    await call('order', { prompt: 'a', seed: '1', unknown: '' }),
  ]
  for (const other of others) assert.deepEqual([other.status, other.json()['name']], [409, 'idempotency_conflict'])
  assert.equal(standIn.calls.length, 1)
  await house.balanced()
})

test('a filtered picture that was charged is replayed; so is one that was free', async (t) => {
  for (const charged of ['true', 'false']) {
    const { standIn, house, call, spent } = await opening(t, { CHARGE_FILTERED: charged })
    standIn.mode('content-filtered')
    const first = await call('f', { prompt: 'x' })
    assert.equal(first.headers['finish-reason'], 'CONTENT_FILTERED')
    const second = await call('f', { prompt: 'x' })
    same(first, second)
    assert.equal(second.headers['finish-reason'], 'CONTENT_FILTERED')
    assert.equal(await spent(), charged === 'true' ? 3_000_000 : 0)
    await house.balanced()
  }
})

test('after a failure the same key runs anew, with any body', async (t) => {
  const { standIn, house, call, spent } = await opening(t)
  for (const mode of ['server-error', 'reset-before-headers', 'not-an-image'] as const) {
    standIn.mode(mode)
    const failed = await call('again', { prompt: mode })
    assert.ok(failed.status >= 500)
  }
  standIn.mode('ok')
  const first = await call('again', { prompt: 'now' })
  same(first, await call('again', { prompt: 'now' }))
  assert.equal(await spent(), 3_000_000)
  await house.balanced()
})

test('while the first runs, a second is told to wait and nothing more is sent or held', async (t) => {
  const { standIn, house, call } = await opening(t)
  standIn.holdAnswers()
  const first = call('slow', { prompt: 'x' })
  await standIn.waitFor(1)
  const second = await call('slow', { prompt: 'x' })
  assert.deepEqual([second.status, second.json()['name']], [409, 'idempotency_in_progress'])
  assert.ok(Number(second.headers['retry-after']) >= 1)
  standIn.letGo()
  assert.equal((await first).status, 200)
  assert.equal(standIn.calls.length, 1)
  await house.balanced()
})

test('of fifty parallel calls with one key exactly one is made and charged', async (t) => {
  const { standIn, house, call, spent } = await opening(t)
  const replies = await Promise.all(Array.from({ length: 50 }, () => call('rush', { prompt: 'x' })))
  for (const { status } of replies) assert.ok(status === 200 || status === 409, `${status}`)
  assert.ok(replies.some(({ status }) => status === 200))
  assert.deepEqual([standIn.calls.length, await spent()], [1, 3_000_000])
  await house.balanced()
})

test('keys of other accounts, and test keys of the same, are other keys', async (t) => {
  const { standIn, house, account, call } = await opening(t)
  const stranger = await house.account(30)
  const { secret } = await house.key(stranger)
  const sandbox = await house.key(account, { mode: 'test' })
  const headers = { 'idempotency-key': 'shared' }
  await call('shared', { prompt: 'x' })
  const other = await house.client.call(secret, { prompt: 'y' }, { headers })
  assert.deepEqual([other.status, other.headers['idempotent-replayed']], [200, undefined])
  const tried = await house.client.call(sandbox.secret, { prompt: 'z' }, { headers })
  assert.deepEqual([tried.status, tried.headers['x-tollgate-mode']], [200, 'test'])
  assert.equal(standIn.calls.length, 2)
  await house.balanced()
})

test('a success whose bytes are gone is named, not charged again', async (t) => {
  const { standIn, house, call, spent } = await opening(t)
  const first = await call('lost', { prompt: 'x' })
  const folder = join(house.folder, 'house.db-replays')
  for (const file of readdirSync(folder)) rmSync(join(folder, file))
  const second = await call('lost', { prompt: 'x' })
  assert.deepEqual([second.status, second.json()['name']], [410, 'replay_gone'])
  assert.deepEqual(second.json()['details'], { call: first.headers['x-request-id'] })
  assert.deepEqual([standIn.calls.length, await spent()], [1, 3_000_000])
  await house.balanced()
})

test('a key that is no visible ASCII text of up to 255 characters is refused', async (t) => {
  const { standIn, house, call } = await opening(t)
  for (const bad of ['', 'with space', 'x'.repeat(256)]) {
    const reply = await call(bad, { prompt: 'x' })
    assert.deepEqual([reply.status, reply.json()['name']], [400, 'bad_request'])
  }
  assert.equal(standIn.calls.length, 0)
  await house.balanced()
})

test('an answer that cannot be kept is not charged', async (t) => {
  const { standIn, house, call, spent } = await opening(t)
  rmSync(join(house.folder, 'house.db-replays'), { recursive: true })
  const reply = await call('nowhere', { prompt: 'x' })
  assert.deepEqual([reply.status, reply.json()['name']], [503, 'ledger_unavailable'])
  assert.deepEqual([standIn.calls.length, await spent()], [1, 0])
  await house.balanced()
})
