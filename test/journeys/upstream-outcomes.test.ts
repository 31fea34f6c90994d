import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { behind, masterToken, openTestHouse, type TestHouse } from '../support/house.ts'
import { accepts, checkOwnHeaders, each, lastOf, lineOf, shortTimes, table } from '../support/outcomes.ts'
import { opened } from '../support/stand-in-client.ts'
import { modeNames } from '../support/stand-in-modes.ts'

table(
  'CHARGE_FILTERED=false: what was not filtered is charged as ever',
  each({ status: 200, outcome: 'succeeded', reason: 'success', level: 'info', upstream: 200 }, 'ok'),
  { CHARGE_FILTERED: 'false' },
)

for (const accept of accepts) {
  test(`CHARGE_FILTERED=false: a filtered ${accept} is delivered and released`, async (t) => {
    const standIn = await opened(t)
    const house = await openTestHouse(t, behind(standIn, { ...shortTimes, CHARGE_FILTERED: 'false' }))
    const { secret } = await house.key(await house.account(10))
    const reply = await house.client.call(secret, { prompt: 'mode:content-filtered' }, { accept })
    assert.equal(reply.status, 200)
    assert.deepEqual([reply.headers['x-credits-charged'], reply.headers['x-credits-available']], ['0', '10'])
    if (accept === 'image/*') assert.equal(reply.headers['finish-reason'], 'CONTENT_FILTERED')
    else assert.equal(reply.json()['finish_reason'], 'CONTENT_FILTERED')
    const row = await house.ended(reply.headers['x-request-id'] ?? '')
    assert.deepEqual([row['state'], row['outcome'], row['reason']], ['released', 'filtered', 'content_filtered'])
    assert.deepEqual([row['credits'], row['status'], row['upstream_may_bill']], [0, 200, 1])
    await house.balanced()
  })
}

test('a picture comes with its seed and finish reason, JSON with both inside', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(100))
  const picture = await house.client.call(secret, { prompt: 'a lighthouse', seed: '4294967294' })
  assert.deepEqual([picture.headers['seed'], picture.headers['finish-reason']], ['4294967294', 'SUCCESS'])
  const json = await house.client.call(secret, { prompt: 'mode:content-filtered' }, { accept: 'application/json' })
  assert.deepEqual([json.json()['finish_reason'], json.headers['finish-reason']], ['CONTENT_FILTERED', undefined])
  assert.equal(json.headers['content-type'], 'application/json; type=image/png')
  await house.balanced()
})

test('headers let back have the shape they should have, or stay out', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(100))
  for (const seed of ['12345678901', '-1', '1,2', '<script>', masterToken]) {
    const reply = await house.client.call(secret, { prompt: `mode:seed:${seed}` })
    assert.deepEqual([reply.status, reply.headers['seed']], [200, undefined], seed)
    checkOwnHeaders(reply.headers)
  }
  for (const finish of ['success', 'SUCCESS;x', 'A'.repeat(41), masterToken]) {
    const reply = await house.client.call(secret, { prompt: `mode:finish-unknown:${finish}` })
    assert.deepEqual([reply.status, reply.headers['finish-reason']], [200, undefined], finish)
    checkOwnHeaders(reply.headers)
  }
  const unknown = await house.client.call(secret, { prompt: 'mode:finish-unknown' })
  assert.equal(unknown.headers['finish-reason'], 'SOMETHING_NEW')
  await house.balanced()
})

test('another picture format than was asked for is a charged success that the operator hears of', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(100))
  for (const accept of accepts) {
    // The stand-in reads the first field of that name in the bytes, which here stands inside the prompt's value.
    const form = [
      ...['--b', 'content-disposition: form-data; name="prompt"', '', 'a'],
      ...['--c', 'content-disposition: form-data; name="output_format"', '', 'webp', '--c--'],
      ...['--b', 'content-disposition: form-data; name="output_format"', '', 'jpeg', '--b--', ''],
    ]
    const raw = { bytes: Buffer.from(form.join('\r\n')), boundary: 'b' }
    const reply = await house.client.call(secret, {}, { accept, raw })
    assert.deepEqual([reply.status, reply.headers['x-credits-charged']], [200, '3'])
    assert.match(reply.headers['content-type'] ?? '', /image\/webp$/)
    const line = await lineOf(house, reply.headers['x-request-id'] ?? '')
    assert.deepEqual([line['warning'], line['level']], ['other_output_format', 40])
  }
  await house.balanced()
})

test('two megabytes of JSON pass byte for byte', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'mode:ok:1650000' }, { accept: 'application/json' })
  assert.equal(reply.status, 200)
  assert.ok(reply.body.length > 2_200_000)
  const image = Buffer.from(String(reply.json()['image']), 'base64')
  assert.equal(image.length, 1_650_000)
  assert.ok(image.includes(lastOf(standIn).sha256))
  // The stand-in makes the same bytes of the same request.
  const again = JSON.stringify({ image: image.toString('base64'), finish_reason: 'SUCCESS', seed: 343940597 })
  const digest = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
  assert.equal(digest(reply.body), digest(again))
  assert.equal(Number(reply.headers['content-length']), reply.body.length)
  await house.balanced()
})

test('the words of a refusal are few, short, and free of anything like a token', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  const bad = await house.client.call(secret, { prompt: 'mode:bad-request' })
  assert.deepEqual(bad.json()['errors'], ['prompt: cannot be blank', 'seed: must be a whole number'])
  const echoed = await house.client.call(secret, { prompt: 'mode:echo-token-400' })
  assert.deepEqual(echoed.json()['errors'], ['authorization: Bearer [removed] is odd', 'the key [removed]'])
  await house.balanced()
})

/** Every way a secret could lie in bytes without being seen at once. */
const guises = [
  masterToken,
  encodeURIComponent(masterToken),
  ...[0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift, ' '), Buffer.from(masterToken)]).toString('base64')
    return text.slice(4, -4)
  }),
]

function checkUnseen(where: string, bytes: Buffer | string): void {
  for (const guise of guises) assert.ok(!bytes.includes(guise), `the token is in ${where}`)
}

async function checkNowhere(house: TestHouse, secret: string, prompt: string, accept: string): Promise<void> {
  const reply = await house.client.call(secret, { prompt }, { accept })
  checkUnseen(`the headers after ${prompt}`, JSON.stringify(reply.headers))
  checkUnseen(`the body after ${prompt}`, reply.body)
}

test('the master token is in no reply, no log line and no file, whatever the upstream does', async (t) => {
  const standIn = await opened(t)
  const house = await openTestHouse(t, behind(standIn, { ...shortTimes, LOG_LEVEL: 'trace' }))
  const { secret } = await house.key(await house.account(1000))
  // These three would end the only token's turn, so they come last; the rest need not be waited for one by one.
  const last = ['rate-limited', 'auth-revoked', 'out-of-credits']
  const modes = modeNames.filter((name) => !last.includes(name) && name !== 'stale-keepalive')
  await Promise.all(modes.map((mode) => checkNowhere(house, secret, `mode:${mode}`, 'image/*')))
  await checkNowhere(house, secret, 'mode:echo-token', 'application/json')
  await checkNowhere(house, secret, 'mode:echo-token-error:422', 'image/*')
  await checkNowhere(house, secret, 'mode:echo-token-error:401', 'image/*')
  checkUnseen('a list', (await house.admin('GET', '/books')).body)
  await house.balanced()
  assert.ok(house.lines.length > modes.length)
  checkUnseen('the log', JSON.stringify(house.lines))
  const echoed = house.lines.filter((line) => line['reason'] === 'upstream_echoes_secret')
  assert.ok(echoed.length >= 4 && echoed.every((line) => line['level'] === 50))
  const files = readdirSync(house.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.ok(files.some(({ name }) => name === 'house.db'))
  for (const { parentPath, name } of files) checkUnseen(name, readFileSync(join(parentPath, name)))
})
