import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, unknownIds } from '../support/admin.ts'
import { factIn, openDesk } from './desk.ts'

test('accounts are made, listed and shown, for people and as the JSON of the API', async (t) => {
  const { house, good: run } = await openDesk(t)
  const made = await run('accounts', 'create', 'Design team', '--external-id', 'crm-1', '--credits', '12.5')
  const id = factIn(made, 'id')
  assert.match(String(id), /^acc_/)
  assert.deepEqual([factIn(made, 'name'), factIn(made, 'available')], ['Design team', '12.5'])
  const plainOne = (await run('accounts', 'create', 'Second', '--json')).json()
  assert.deepEqual(plainOne, good(await house.admin('GET', `/accounts/${plainOne['id']}`)))
  const listed = await run('accounts', 'list')
  assert.match(listed.stdout, /^id +name +external id +status +available +held +made\n/)
  assert.match(listed.stdout, new RegExp(`^${id}  Design team  crm-1 +active +12\\.5 +0  20`, 'm'))
  assert.deepEqual((await run('accounts', 'list', '--json')).json(), good(await house.admin('GET', '/accounts')))
  assert.deepEqual((await run('accounts', 'show', String(id), '--json')).json()['external_id'], 'crm-1')
  assert.equal(factIn(await run('accounts', 'show', String(id)), 'external id'), 'crm-1')
  await house.balanced()
})

test('a suspended account is shown so, and resumed', async (t) => {
  const { house, good: run } = await openDesk(t)
  const id = await house.account(10)
  const { secret } = await house.key(id)
  assert.equal(factIn(await run('accounts', 'suspend', id), 'status'), 'suspended')
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 403)
  assert.deepEqual(
    (await run('accounts', 'list', '--status', 'suspended', '--json')).rows().map((account) => account['id']),
    [id],
  )
  assert.equal((await run('accounts', 'resume', id, '--json')).json()['status'], 'active')
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('a list stops at its limit and says so; --all follows the cursors to the end', async (t) => {
  const { house, good: run } = await openDesk(t)
  const ids: string[] = []
  for (let count = 0; count < 203; count++) ids.push(await house.account(0))
  const few = await run('accounts', 'list', '--limit', '2')
  assert.equal(few.stdout.trim().split('\n').length, 3)
  assert.equal(few.stderr, 'There are more; --all tells them all.\n')
  const most = (await run('accounts', 'list', '--limit', '202', '--json')).json()
  assert.equal((most['data'] as unknown[]).length, 202)
  const rest = (await run('accounts', 'list', '--cursor', String(most['next_cursor']), '--json')).json()
  assert.deepEqual([(rest['data'] as unknown[]).length, rest['next_cursor']], [1, null])
  const all = await run('accounts', 'list', '--all', '--json')
  assert.deepEqual(
    all.rows().map(({ id }) => id),
    ids.toReversed(),
  )
  assert.equal(all.json()['next_cursor'], null)
  const shown = await run('accounts', 'list', '--all')
  assert.deepEqual([shown.stdout.trim().split('\n').length, shown.stderr], [204, ''])
})

test('an empty list is a list', async (t) => {
  const { good: run } = await openDesk(t)
  assert.equal((await run('accounts', 'list', '--search', 'nobody')).stdout, 'There are none.\n')
  const none = await run('accounts', 'list', '--search', 'nobody', '--json')
  assert.deepEqual(none.json(), { data: [], next_cursor: null })
})

test('what the API refuses ends with 1 and its sentences, what cannot be asked with 2', async (t) => {
  const { refused, good: run } = await openDesk(t)
  await run('accounts', 'create', 'First', '--external-id', 'crm-1')
  const twin = ['accounts', 'create', 'Second', '--external-id', 'crm-1']
  assert.equal(await refused(1, twin), 'Another account has this external_id.\n')
  assert.equal(await refused(1, [...twin, '--json']), 'Another account has this external_id.\n')
  const faulty = await refused(1, ['accounts', 'create', ' ', '--external-id', ''])
  assert.match(faulty, /^The request is not one this house can read\.\n/)
  assert.match(faulty, /^name: must not be blank or hold control characters$/m)
  assert.match(faulty, /^external_id: must NOT have fewer than 1 characters$/m)
  for (const verb of ['show', 'suspend', 'resume']) {
    assert.equal(await refused(1, ['accounts', verb, unknownIds.acc]), 'There is no such account.\n')
  }
  const wrong = [
    ['create'],
    ['show'],
    ['show', 'acc_1'],
    ['list', '--status', 'x'],
    ['list', '--limit', '0'],
    ['what'],
    [],
  ]
  for (const words of [...wrong, ['create', 'x', '--credits', '0.0000001']]) {
    assert.notEqual(await refused(2, ['accounts', ...words]), '')
  }
})

test('markup and control characters of a name do not reach the terminal', async (t) => {
  const { house, good: run } = await openDesk(t)
  const id = await house.account(0)
  const name = '\u001b[31mred\u001b]0;title\u0007 \u009b2J \u202eback'
  await house.store.write([{ sql: 'UPDATE accounts SET name = $1 WHERE id = $2', params: [name, id] }])
  for (const words of [['list'], ['show', id]]) {
    const { stdout } = await run('accounts', ...words)
    assert.doesNotMatch(stdout, /(?!\n)[\p{Cc}\u202e]/u)
    assert.match(stdout, /red .*back/)
  }
  const asJson = await run('accounts', 'show', id, '--json')
  assert.doesNotMatch(asJson.stdout, /(?!\n)[\p{Cc}\u202e]/u)
  assert.equal(asJson.json()['name'], name)
})
