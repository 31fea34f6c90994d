import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mintKey } from '../../src/keys/key.ts'
import { formOf, type Reply, usualBoundary } from '../support/client.ts'
import { adminKey, behind, masterToken } from '../support/house.ts'
import { type HouseProcess, openPlace, type Place } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

const prompt = 'CANARY-prompt-of "nobody\'s" business ünd\\more'
const negative = 'CANARY-negative-8c1d'
const overridden = mintKey('live')
const stranger = mintKey('live')

/** The ways in which a text can lie hidden in bytes; base64 in each of its three alignments. */
function disguises(secret: string): string[] {
  const aligned = [0, 1, 2].flatMap((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
    // The first and the last group depend on the neighbours.
    const inner = (text: string) => text.slice(4, text.length - (text.length % 4) - 4)
    return [inner(bytes.toString('base64').replace(/=+$/, '')), inner(bytes.toString('base64url'))]
  })
  const escaped = JSON.stringify(secret).slice(1, -1)
  const ascii = escaped.replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const encoded = [encodeURIComponent(secret), encodeURI(secret), Buffer.from(secret).toString('hex')]
  return [...new Set([secret, escaped, ascii, ...encoded, ...aligned])]
}

function hunt(where: string, bytes: Buffer, secrets: Readonly<Record<string, string>>): void {
  for (const [name, secret] of Object.entries(secrets)) {
    for (const text of disguises(secret)) {
      if (bytes.includes(text)) assert.fail(`${name} stands in ${where} as ${text}`)
    }
  }
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

const faults = [
  '400',
  '402',
  '403',
  '422',
  '429',
  '500',
  '502',
  '503',
  'busy',
  'filtered',
  'truncated',
  'reset',
  'silent',
]
const liveModes = [
  'ok',
  'echo-token',
  'odd-headers',
  'status-418',
  'server-error',
  'bad-request',
  'json-error-200',
] as const

async function testCalls({ client }: HouseProcess, secret: string): Promise<Reply[]> {
  const replies = [await client.call(secret, { prompt, negative_prompt: negative })]
  for (const fault of faults) replies.push(await client.call(secret, { prompt: `${prompt} sandbox:${fault}` }))
  return replies
}

async function liveCalls(house: HouseProcess, secret: string, mode: (name: (typeof liveModes)[number]) => void) {
  const replies: Reply[] = []
  for (const name of liveModes) {
    mode(name)
    replies.push(await house.client.call(secret, { prompt, negative_prompt: negative, api_key_override: overridden }))
    replies.push(await house.client.call(secret, { prompt }, { accept: 'application/json' }))
  }
  mode('ok')
  const headers = { 'idempotency-key': 'once', 'x-api-key': secret }
  for (let count = 0; count < 2; count++) replies.push(await house.client.call(secret, { prompt }, { headers }))
  return replies
}

/** Requests that are refused, with the canaries in every place a caller can put one. */
async function refusedCalls({ client }: HouseProcess, secret: string): Promise<Reply[]> {
  const bad: Readonly<Record<string, string>>[] = [
    { prompt: '' },
    { prompt, seed: negative },
    { prompt, aspect_ratio: negative, output_format: prompt.replace(/[^ -~]/g, '') },
    { [negative]: prompt },
  ]
  const torn = formOf({ prompt, negative_prompt: negative }).subarray(0, -8)
  const bearer = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
  return [
    ...(await Promise.all(bad.map((fields) => client.call(secret, fields)))),
    await client.call(secret, {}, { raw: { bytes: torn, boundary: usualBoundary } }),
    await client.call(stranger, { prompt }),
    await client.call(`${secret}x`, { prompt }),
    await client.call(secret, { prompt }, { headers: { 'x-api-key': stranger } }),
    await client.call(secret, { prompt }, { headers: { 'idempotency-key': 'once' } }),
    await client.call(secret, { prompt }, { path: `/sd/nowhere?key=${stranger}` }),
    await client.json('GET', '/sd/v1/user/balance', undefined, bearer),
    await client.json('GET', '/sd/v1/user/account', undefined, bearer),
  ]
}

async function adminCalls({ client }: HouseProcess, accountId: string): Promise<Reply[]> {
  const as = (key: string) => ({ authorization: `Bearer ${key}` })
  const asked = ['accounts', 'keys', 'calls', 'tokens', 'audit', 'books', 'operators', 'offers', 'usage', 'nothing']
  const replies = await Promise.all(
    asked.map((noun) => client.json('GET', `/admin/v1/${noun}`, undefined, as(adminKey))),
  )
  const path = `/admin/v1/accounts/${accountId}/keys`
  return [
    ...replies,
    await client.json('POST', path, { name: 'x', secret: stranger }, as(adminKey)),
    await client.send('POST', path, { 'content-type': 'application/json', ...as(adminKey) }, `{"name": ${negative}`),
    await client.json('GET', '/admin/v1/books', undefined, as(stranger)),
  ]
}

async function furnished(t: TestContext): Promise<{ place: Place; live: Furnished; test: Furnished }> {
  const place = openPlace(t)
  return { place, live: await place.furnish(300), test: await place.furnish(0, { mode: 'test' }) }
}

type Furnished = Awaited<ReturnType<Place['furnish']>>

test('no secret and no word of a prompt is ever logged, stored, shown or sent back, in any disguise', async (t) => {
  const standIn = await opened(t)
  const { place, live, test: tried } = await furnished(t)
  const timeouts = { UPSTREAM_CONNECT_TIMEOUT_MS: '500', UPSTREAM_HEADERS_TIMEOUT_MS: '1500' }
  const house = await place.start(behind(standIn, { LOG_LEVEL: 'trace', ...timeouts }))
  const secrets = {
    ...{ masterToken, adminKey, liveKey: live.secret, testKey: tried.secret },
    ...{ overridden, stranger, prompt, negative },
  }
  const replies = [
    ...(await testCalls(house, tried.secret)),
    ...(await liveCalls(house, live.secret, standIn.mode)),
    ...(await refusedCalls(house, live.secret)),
    ...(await adminCalls(house, live.accountId)),
  ]
  assert.ok(replies.filter(({ status }) => status === 200).length > 8)
  // What was hunted for has really been there.
  assert.ok(standIn.calls.some(({ token, body }) => token === masterToken && body.includes(prompt)))
  assert.ok(standIn.calls.every(({ body }) => !body.includes(overridden)))
  hunt('the command line', readFileSync(`/proc/${house.pid}/cmdline`), secrets)
  for (const path of filesUnder(place.folder)) hunt(path, readFileSync(path), secrets)
  for (const { status, headers, body } of replies) {
    hunt(
      `a reply ${status}: ${body.toString('utf8', 0, 500)}`,
      Buffer.concat([Buffer.from(JSON.stringify(headers)), body]),
      secrets,
    )
  }
  assert.deepEqual((await house.books())['balanced'], true)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.ok(house.lines().filter(({ msg }) => msg === 'call').length >= faults.length)
  hunt('stdout', Buffer.from(house.stdout()), secrets)
  hunt('stderr', Buffer.from(house.stderr()), secrets)
  for (const path of filesUnder(place.folder)) hunt(path, readFileSync(path), secrets)
})

test('the hunt finds a secret in each of its disguises', () => {
  const around = (text: string | Buffer) =>
    Buffer.concat([Buffer.from('before'), Buffer.from(text), Buffer.from('after')])
  const ways = [
    around(masterToken),
    around(JSON.stringify({ a: prompt })),
    around(encodeURIComponent(prompt)),
    ...['', 'a', 'ab'].flatMap((lead) => {
      const bytes = Buffer.from(`${lead}${masterToken} and more`)
      return [around(bytes.toString('base64')), around(bytes.toString('base64url'))]
    }),
    around(Buffer.from(prompt).toString('hex')),
  ]
  for (const bytes of ways) assert.throws(() => hunt('here', bytes, { masterToken, prompt }), /stands in here/)
})
