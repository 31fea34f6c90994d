import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, unknownIds } from '../support/admin.ts'
import { factIn, openDesk } from './desk.ts'

test('usage sums by what is asked for, as a table, JSON and CSV', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const account = await house.account(10)
  const key = await house.key(account)
  for (const prompt of ['x', 'y', 'mode:server-error']) await house.client.call(key.secret, { prompt })
  const by = ['--group-by', 'day,key']
  const table = await run('usage', ...by)
  assert.match(table.stdout, /^day +key +mode +calls +succeeded +failed +credits\n/)
  assert.match(table.stdout, new RegExp(`^20\\S+  ${key.id}  live +3 +2 +1 +6$`, 'm'))
  const path = '/usage?group_by=day,key'
  assert.deepEqual((await run('usage', ...by, '--json')).json(), good(await house.admin('GET', path)))
  const file = await run('usage', ...by, '--csv', '--from', '2020-01-01', '--account', account)
  const reply = await house.admin('GET', path, undefined, { accept: 'text/csv' })
  assert.equal(file.stdout, reply.body.toString())
  assert.equal((await run('usage', '--to', '2020-01-01')).stdout, 'There are none.\n')
  assert.match(await refused(1, ['usage', '--group-by', 'week']), /^group_by: must be a list of day/m)
  assert.match(await refused(1, ['usage', '--csv', '--from', 'x']), /^from: must be/m)
  await refused(2, ['usage', '--csv', '--json'])
  await house.balanced()
})

test('a token that was set aside is listed so, and used again', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const { secret } = await house.key(await house.account(10))
  await house.client.call(secret, { prompt: 'mode:auth-revoked' })
  const [token] = (await run('tokens', 'list', '--json')).rows()
  assert.equal(token?.['state'], 'revoked')
  assert.match((await run('tokens', 'list')).stdout, /^tok_\w+ {2}stability {2}\S{4} +revoked +- {2}/m)
  assert.equal(factIn(await run('tokens', 'resume', String(token?.['id'])), 'state'), 'active')
  assert.equal((await run('tokens', 'resume', String(token?.['id']), '--json')).json()['state'], 'active')
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  assert.equal(await refused(1, ['tokens', 'resume', 'tok_0']), 'There is no such token.\n')
  for (const words of [['resume'], ['resume', 'x'], ['list', 'x']]) await refused(2, ['tokens', ...words])
  await house.balanced()
})

test('a price is changed with a reason, and later calls cost it', async (t) => {
  const { house, good: run, refused } = await openDesk(t)
  const { secret } = await house.key(await house.account(10))
  assert.match((await run('offers', 'list')).stdout, /^stable-image-core {2}stability {2}yes +3 +\d+ {2}POST /m)
  const price = ['offers', 'price', 'stable-image-core', '3.5', '--reason', 'price list of December'] as const
  assert.equal(factIn(await run(...price), 'credits'), '3.5')
  assert.equal((await run(...price, '--json')).json()['credits'], 3.5)
  assert.deepEqual((await run('offers', 'list', '--json')).json(), good(await house.admin('GET', '/offers')))
  assert.equal((await house.client.call(secret, { prompt: 'x' })).headers['x-credits-charged'], '3.5')
  assert.equal(await refused(1, ['offers', 'price', 'nothing', '3', '--reason', 'x']), 'There is no such offer.\n')
  await refused(1, ['offers', 'price', 'stable-image-core', '-3', '--reason', 'x'])
  for (const words of [
    ['price', 'stable-image-core', '3'],
    ['price', 'stable-image-core', 'x', '--reason', 'x'],
  ]) {
    await refused(2, ['offers', ...words])
  }
  await house.balanced()
})

test('operators are made, listed and removed; a viewer may change nothing', async (t) => {
  const { good: run, tollgate, refused } = await openDesk(t)
  const made = await run('operators', 'create', 'Sam', '--role', 'viewer')
  const secret = made.stdout.trimEnd().split('\n').at(-1) ?? ''
  assert.match(secret, /^tg_admin_[0-9A-Za-z]{38}$/)
  assert.match(made.stderr, /shown only now/)
  const id = String(factIn(made, 'id'))
  const sam = { TOLLGATE_ADMIN_KEY: secret }
  assert.equal((await tollgate(['accounts', 'list'], sam)).code, 0)
  assert.equal(await refused(1, ['accounts', 'create', 'x'], sam), 'A viewer may look, and change nothing.\n')
  const second = (await run('operators', 'create', 'Kim', '--role', 'admin', '--json')).json()
  assert.match(String(second['secret']), /^tg_admin_/)
  const listed = await run('operators', 'list', '--json')
  assert.deepEqual(
    listed
      .rows()
      .map(({ name }) => name)
      .slice(0, 2),
    ['Kim', 'Sam'],
  )
  assert.ok(!listed.stdout.includes('secret'))
  assert.match((await run('operators', 'list')).stdout, new RegExp(`^${id}  Sam +viewer  tg_admin_`, 'm'))
  assert.equal((await run('operators', 'delete', id)).stdout, `${id} is no operator any more.\n`)
  const gone = (await run('operators', 'delete', String(second['id']), '--json')).json()
  assert.deepEqual(gone, { id: second['id'], deleted: true })
  assert.equal(await refused(1, ['accounts', 'list'], sam), 'This operator key is not valid.\n')
  assert.equal(await refused(1, ['operators', 'delete', unknownIds.op]), 'There is no such operator.\n')
  for (const words of [['create', 'x'], ['create', 'x', '--role', 'root'], ['delete']]) {
    await refused(2, ['operators', ...words])
  }
})

test('books are told by the gateway to those who have its key, else read from the database here', async (t) => {
  const { house, place, good: run, tollgate } = await openDesk(t)
  await house.account(7)
  assert.match(
    (await run('books')).stdout,
    /^The books balance: \d+ accounts, 7 credits posted, 0 held by 0 calls\.\nSold: 7 credits; what is left .* never read\.\n$/,
  )
  assert.deepEqual((await run('books', '--json')).json(), good(await house.admin('GET', '/books')))
  await place.furnish(4)
  const here = await tollgate(['books', '--json'], { TOLLGATE_ADMIN_KEY: '' })
  assert.deepEqual([here.code, here.json()['posted']], [0, '4'])
})

test('books that do not balance end with 1', async (t) => {
  const { house, tollgate } = await openDesk(t)
  const id = await house.account(7)
  await house.store.write([{ sql: 'UPDATE accounts SET posted = posted + 1 WHERE id = $1', params: [id] }])
  const { code, stdout } = await tollgate(['books'])
  assert.equal(code, 1)
  assert.match(stdout, /^The books do not balance by 0\.000001 credits: /)
  assert.ok(stdout.includes(id))
})
