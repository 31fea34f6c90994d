import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { millionths } from '../../src/credits.ts'
import { formOf } from '../support/client.ts'
import { behind, masterToken, openTestHouse } from '../support/house.ts'
import { opened } from '../support/stand-in-client.ts'

test('a success costs exactly three credits and says so', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10)
  const { secret } = await house.key(account)
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['content-type'], 'image/png')
  assert.equal(reply.headers['x-credits-charged'], '3')
  assert.equal(reply.headers['x-credits-available'], '7')
  await house.balanced()
})

test('a thousand parallel calls with credit for 37 give exactly 37 successes', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(37 * 3)
  const { secret } = await house.key(account)
  const replies = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => house.client.call(secret, { prompt: `number ${index}` })),
  )
  const count = (status: number) => replies.filter((reply) => reply.status === status).length
  assert.deepEqual([count(200), count(402)], [37, 963])
  assert.equal((await house.balanceOf(account)).available, 0)
  assert.equal(standIn.calls.length, 37)
  await house.balanced()
})

test('the same with a key quota: 37 calls fit, the others are told which limit and when it ends', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(10_000)
  const { secret } = await house.key(account, {
    quota: { credits: millionths(37 * 3_000_000 + 2_999_999), period: 'day' },
  })
  const replies = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => house.client.call(secret, { prompt: `number ${index}` })),
  )
  const refused = replies.filter((reply) => reply.status === 429)
  assert.deepEqual([replies.filter((reply) => reply.status === 200).length, refused.length], [37, 963])
  const [sample] = refused
  assert.equal(sample?.json()['name'], 'quota_exceeded')
  assert.ok(Number(sample?.headers['retry-after']) >= 1)
  assert.deepEqual(Object.keys(sample?.json()['details'] as object), [
    'limit',
    'used',
    'required',
    'period',
    'resets_at',
  ])
  assert.equal((await house.balanceOf(account)).available, 10_000_000_000 - 37 * 3_000_000)
  assert.equal(standIn.calls.length, 37)
  await house.balanced()
})

test('the bytes go upstream as they came: odd boundary, unknown fields, an empty file part, any script', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const boundary = `-'odd()+_,-./:=?-${'x'.repeat(40)}`
  const part = (head: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`
  const bytes = Buffer.from(
    [
      part('name="none"; filename="none"', ''),
      part('name="prompt"', 'Ein Leuchtturm – 灯塔 – маяк 🗼'),
      part('name="aspectRatio"', '16:9'),
      part('name="aspect_ratio"', '16:9'),
      part('name="something_new"', ' kept  as it is '),
      `--${boundary}--\r\n`,
    ].join(''),
  )
  const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` }
  const reply = await house.client.call(secret, {}, { raw: { bytes, boundary }, headers })
  assert.equal(reply.status, 200)
  assert.equal(standIn.calls[0]?.sha256, createHash('sha256').update(bytes).digest('hex'))
  assert.equal(standIn.calls[0]?.headers['content-type'], headers['content-type'])
  await house.balanced()
})

test("a caller's key in api_key_override is overwritten in place and reaches nobody", async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'x', api_key_override: secret, style: 'none' })
  assert.equal(reply.status, 200)
  const sent = standIn.calls[0]?.body.toString('utf8') ?? ''
  assert.equal(
    sent,
    formOf({ prompt: 'x', api_key_override: 'x'.repeat(secret.length), style: 'none' }).toString('utf8'),
  )
  await house.balanced()
})

test('what leaves the house is allow-listed, and the account is a stable pseudonym', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn))
  const account = await house.account(20)
  const { secret } = await house.key(account)
  const sent = {
    ...{ cookie: 'a=b', 'mj-api-secret': secret, 'x-forwarded-for': '10.1.2.3', 'user-agent': 'a client' },
    ...{
      'stability-client-id': 'comfy',
      'stability-client-version': '1.2',
      'stability-client-user-id': 'ada@example.org',
    },
  }
  await house.client.call(secret, { prompt: 'x' }, { headers: sent, accept: 'application/json, image/png' })
  await house.client.call(secret, { prompt: 'y' }, { headers: sent, accept: 'image/png' })
  const [first, second] = standIn.calls
  assert.deepEqual(Object.keys(first?.headers ?? {}).sort(), [
    ...['accept', 'accept-encoding', 'authorization', 'connection', 'content-length', 'content-type', 'host'],
    ...['stability-client-id', 'stability-client-user-id', 'stability-client-version', 'user-agent'],
  ])
  assert.deepEqual([first?.headers['accept'], second?.headers['accept']], ['application/json', 'image/*'])
  assert.equal(first?.token, masterToken)
  const pseudonym = first?.headers['stability-client-user-id']
  assert.equal(second?.headers['stability-client-user-id'], pseudonym)
  assert.ok(pseudonym && !pseudonym.includes(account) && !pseudonym.includes('ada'))
  await house.balanced()
})
