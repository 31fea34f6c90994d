import assert from 'node:assert/strict'
import { test } from 'node:test'
import { factIn, openDesk } from './desk.ts'

test('by CLI alone: an account, 100 credits, a bounded key, its rotation, its calls, a refund, the statement, the books', async (t) => {
  const { house, good: run } = await openDesk(t)
  const account = String(factIn(await run('accounts', 'create', 'Design team'), 'id'))
  await run('credits', 'grant', account, '100', '--reason', 'invoice 2026-117')
  const bounds = ['--offers', 'stable-image-core', '--quota', '30/day', '--rate', '10/1m']
  const made = await run('keys', 'create', '--account', account, '--name', 'Ada', ...bounds)
  const rotated = await run('keys', 'rotate', String(factIn(made, 'id')), '--grace', '1h')
  const secret = rotated.stdout.trimEnd().split('\n').at(-1) ?? ''
  const key = String(factIn(rotated, 'id'))

  const statuses: number[] = []
  for (let count = 0; count < 11; count++) {
    statuses.push((await house.client.call(secret, { prompt: `number ${count}` })).status)
  }
  assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 200), 429])
  const calls = (await run('calls', 'list', '--account', account, '--key', key, '--json')).rows()
  assert.equal(calls.length, 10)
  const [call] = calls
  assert.match((await run('calls', 'show', String(call?.['id']))).stdout, /^3 credits were charged\./)
  await run('calls', 'refund', String(call?.['id']), '--reason', 'wrong picture')

  const statement = await run('credits', 'statement', account, '--csv')
  const lines = statement.stdout.trimEnd().split('\r\n')
  assert.equal(lines.length, 1 + 1 + 1 + 10 + 1 + 1)
  assert.match(String(lines.at(-1)), /^,closing,0,73,/)
  assert.equal(factIn(await run('credits', 'balance', account), 'available'), '73')
  assert.match(
    (await run('usage', '--account', account, '--group-by', 'key')).stdout,
    new RegExp(`^${key}  live +10 .* 27$`, 'm'),
  )
  assert.match((await run('books')).stdout, /^The books balance: /)
  await house.balanced()
})
