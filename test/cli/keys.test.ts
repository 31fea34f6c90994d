import assert from 'node:assert/strict'
import { test } from 'node:test'
import { good, unknownIds } from '../support/admin.ts'
import { factIn, openDesk } from './desk.ts'

const secretShape = /^tg_live_[0-9A-Za-z]{38}$/

test('a key is made with every bound, and its secret is the last line alone', async (t) => {
  const { house, good: run } = await openDesk(t)
  const account = await house.account(10)
  const bounds = [
    ...['--mode', 'live', '--rate', '10/1m', '--max-concurrency', '4', '--quota', '30/day'],
    ...['--offers', 'stable-image-core', '--allow-ips', '127.0.0.1,10.0.0.0/8', '--expires-at', '2099-01-01'],
    ...['--rights', 'call,read,manage'],
  ]
  const made = await run('keys', 'create', '--account', account, '--name', 'render farm', ...bounds)
  const secret = made.stdout.trimEnd().split('\n').at(-1) ?? ''
  assert.match(secret, secretShape)
  assert.equal(made.stdout.split(secret).length, 2)
  assert.match(made.stderr, /^The last line is the key\. It is shown only now/)
  const { id, ...key } = good(await house.admin('GET', `/keys/${factIn(made, 'id')}`))
  assert.deepEqual(
    [key['name'], key['mode'], key['rate'], key['max_concurrency'], key['quota'], key['offers'], key['rights']],
    [
      ...['render farm', 'live', { calls: 10, window_seconds: 60 }, 4, { credits: 30, period: 'day' }],
      ...[['stable-image-core'], ['call', 'read', 'manage']],
    ],
  )
  assert.deepEqual([key['allow_ips'], key['expires_at']], [['127.0.0.1', '10.0.0.0/8'], '2099-01-01T00:00:00.000Z'])
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('a key can be made, rotated and revoked as JSON, which has the secret once', async (t) => {
  const { house, good: run } = await openDesk(t)
  const account = await house.account(10)
  const made = await run('keys', 'create', '--account', account, '--name', 'x', '--json')
  const { id, secret } = made.json() as { id: string; secret: string }
  assert.deepEqual([secretShape.test(secret), made.stderr], [true, ''])
  const next = (await run('keys', 'rotate', id, '--grace', '1h', '--json')).json() as { id: string; secret: string }
  assert.notEqual(next.id, id)
  for (const each of [secret, next.secret]) {
    assert.equal((await house.client.call(each, { prompt: 'x' })).status, 200)
  }
  const revoked = await run('keys', 'revoke', id)
  assert.deepEqual([factIn(revoked, 'status'), revoked.stdout.includes('tg_live_')], ['revoked', true])
  assert.equal((await run('keys', 'revoke', next.id, '--json')).json()['status'], 'revoked')
  for (const each of [secret, next.secret]) {
    assert.equal((await house.client.call(each, { prompt: 'x' })).status, 401)
  }
  await house.balanced()
})

test('rotating without grace ends the old key, and the new secret is the last line', async (t) => {
  const { house, good: run } = await openDesk(t)
  const old = await house.key(await house.account(10))
  const rotated = await run('keys', 'rotate', old.id)
  const secret = rotated.stdout.trimEnd().split('\n').at(-1) ?? ''
  assert.equal((await house.client.call(old.secret, { prompt: 'x' })).status, 401)
  assert.equal((await house.client.call(secret, { prompt: 'x' })).status, 200)
  await house.balanced()
})

test('keys are listed by account and state, without their secrets', async (t) => {
  const { house, good: run } = await openDesk(t)
  const [first, second] = [await house.account(0), await house.account(0)]
  const [one, two] = [await house.key(first), await house.key(second)]
  await run('keys', 'revoke', two.id)
  const all = await run('keys', 'list')
  assert.match(all.stdout, /^id +name +hint +mode +status +rate +quota +last used +account\n/)
  assert.match(all.stdout, new RegExp(`^${one.id} .* ${first}$`, 'm'))
  assert.ok(!all.stdout.includes(one.secret))
  const idsOf = async (...words: string[]) => (await run('keys', 'list', '--json', ...words)).rows().map(({ id }) => id)
  assert.deepEqual(await idsOf('--account', first), [one.id])
  assert.deepEqual(await idsOf('--status', 'revoked'), [two.id])
  assert.deepEqual(await idsOf('--limit', '1'), [two.id])
})

test('keys that are refused say why, each field on a line of its own', async (t) => {
  const { house, refused } = await openDesk(t)
  const account = await house.account(0)
  const create = ['keys', 'create', '--account', account, '--name', 'x']
  const faulty = await refused(1, [...create, '--name', ' ', '--expires-at', 'soon'])
  assert.match(faulty, /^The request is not one this house can read\.\n/)
  assert.match(faulty, /^name: must not be blank or hold control characters$/m)
  assert.match(faulty, /^expires_at: must be an RFC 3339 time/m)
  assert.match(await refused(1, [...create, '--allow-ips', 'here']), /^allow_ips/m)
  assert.match(await refused(1, [...create, '--offers', 'stable-video']), /^offers/m)
  const homeless = ['keys', 'create', '--account', unknownIds.acc, '--name', 'x']
  assert.equal(await refused(1, homeless), 'There is no such account.\n')
  for (const verb of ['rotate', 'revoke']) {
    assert.equal(await refused(1, ['keys', verb, unknownIds.key]), 'There is no such key.\n')
  }
  const wrong = [
    ...[
      ['--rate', '10'],
      ['--rate', '10/500ms'],
      ['--quota', '30'],
      ['--quota', '30/week'],
      ['--mode', 'free'],
    ],
    ...[
      ['--rights', 'all'],
      ['--max-concurrency', '0'],
      ['--offers', 'a,,b'],
    ],
  ]
  for (const words of wrong) assert.match(await refused(2, [...create, ...words]), /^error: option '--/)
  for (const words of [
    ['create', '--name', 'x'],
    ['rotate', 'k'],
    ['rotate'],
    ['rotate', unknownIds.key, '--grace', 'long'],
  ]) {
    await refused(2, ['keys', ...words])
  }
})
