import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, unknownIds } from '../support/admin.ts'
import { openCuttingProxy } from '../support/cutting-proxy.ts'
import { factIn, openDesk } from './desk.ts'

test('credits are granted, taken back and told', async (t) => {
  const { house, good: run } = await openDesk(t)
  const id = await house.account(0)
  const given = await run('credits', 'grant', id, '100', '--reason', 'invoice 7')
  assert.deepEqual([factIn(given, 'kind'), factIn(given, 'posted after')], ['grant', '100'])
  const taken = (await run('credits', 'grant', id, '-0.5', '--reason', 'a mistake', '--json')).json()
  assert.deepEqual([taken['kind'], taken['credits'], taken['posted_after']], ['adjust', -0.5, 99.5])
  assert.equal((await run('credits', 'balance', id)).stdout, 'posted     99.5\nheld       0\navailable  99.5\n')
  assert.deepEqual((await run('credits', 'balance', id, '--json')).json(), {
    ...{ account_id: id, posted: 99.5, held: 0, available: 99.5 },
  })
  await house.balanced()
})

test('a grant under the same key happens once, and two without one happen twice', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const id = await house.account(0)
  const grant = ['credits', 'grant', id, '5', '--reason', 'x'] as const
  const keyed = [...grant, '--idempotency-key', 'invoice-7', '--json'] as const
  assert.deepEqual((await run(...keyed)).json(), (await run(...keyed)).json())
  assert.equal((await house.balanceOf(id)).available, 5_000_000)
  await run(...grant)
  await run(...grant)
  assert.equal((await house.balanceOf(id)).available, 15_000_000)
  const other = ['credits', 'grant', id, '6', '--reason', 'x', '--idempotency-key', 'invoice-7']
  assert.match(await refused(1, other), /Idempotency-Key/)
  await house.balanced()
})

test('a grant whose answer is lost with its connection is sent again and happens once', async (t) => {
  const { house, tollgate } = await openDesk(t)
  const id = await house.account(0)
  const proxy = await openCuttingProxy(t, house.origin)
  proxy.loseNextAnswer()
  const words = ['credits', 'grant', id, '5', '--reason', 'x', '--json']
  const { code, stderr, json } = await tollgate(words, { TOLLGATE_URL: proxy.url })
  assert.deepEqual([code, stderr, json()['posted_after']], [0, '', 5])
  assert.equal((await house.balanceOf(id)).available, 5_000_000)
  await house.balanced()
})

test('what cannot be sent twice is not, and the doubt is told', async (t) => {
  const { house, refused } = await openDesk(t)
  const proxy = await openCuttingProxy(t, house.origin)
  proxy.loseNextAnswer()
  const told = await refused(1, ['accounts', 'create', 'x'], { TOLLGATE_URL: proxy.url })
  assert.equal(told, 'The connection was lost. The change may have been made; look before you repeat it.\n')
  const [row] = await house.store.read('SELECT count(*) AS rows FROM accounts')
  assert.equal(Number(row?.['rows']), 1)
})

test('a statement is a table, the JSON of the API, or a file for spreadsheets', async (t) => {
  const { house, good: run } = await openDesk(t)
  const id = await house.account(10)
  const { secret } = await house.key(id)
  await house.client.call(secret, { prompt: 'x' })
  const month = new Date().toISOString().slice(0, 7)
  const table = await run('credits', 'statement', id, '--month', month)
  const kinds = table.stdout.split('\n').map((line) => line.slice(22, 29).trim())
  assert.deepEqual(kinds, ['kind', 'opening', 'grant', 'charge', 'closing', ''])
  assert.match(table.stdout, /charge +-3 +7 +call_/)
  const path = `/accounts/${id}/statement?month=${month}`
  assert.deepEqual((await run('credits', 'statement', id, '--json')).json(), good(await house.admin('GET', path)))
  const file = await run('credits', 'statement', id, '--csv', '--month', month)
  const reply = await house.admin('GET', path, undefined, { accept: 'text/csv' })
  assert.equal(file.stdout, reply.body.toString())
  assert.match(file.stdout, /^id,kind,credits,posted_after,call_id,reason,created_at\r\n/)
  const before = (await run('credits', 'statement', id, '--month', '2020-01', '--json')).json()
  assert.deepEqual([before['opening'], before['entries'], before['closing']], [0, [], 0])
  await house.balanced()
})

test('grants and statements that are refused say why', async (t) => {
  const { house, refused } = await openDesk(t)
  const id = await house.account(1)
  const why = ['--reason', 'x']
  assert.match(await refused(1, ['credits', 'grant', id, '-2', ...why]), /available/)
  assert.match(await refused(1, ['credits', 'grant', id, '0', ...why]), /^credits: must not be 0$/m)
  for (const words of [
    ['grant', unknownIds.acc, '1', ...why],
    ['balance', unknownIds.acc],
    ['statement', unknownIds.acc],
  ]) {
    assert.equal(await refused(1, ['credits', ...words]), 'There is no such account.\n')
  }
  assert.match(await refused(1, ['credits', 'statement', id, '--month', 'May']), /^month: must be a month such as/m)
  assert.match(await refused(1, ['credits', 'statement', id, '--csv', '--month', 'May']), /^month: must be a month/m)
  for (const words of [
    ['grant', id, '5'],
    ['grant', id, 'many', ...why],
    ['grant', id, '1e3', ...why],
    ['grant', id],
  ]) {
    await refused(2, ['credits', ...words])
  }
  assert.match(await refused(2, ['credits', 'statement', id, '--csv', '--json']), /cannot be used with/)
  assert.equal((await house.balanceOf(id)).available, 1_000_000)
  await house.balanced()
})
