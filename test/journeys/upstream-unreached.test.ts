import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Environment } from '../../src/config.ts'
import { behind, masterToken, openTestHouse } from '../support/house.ts'
import { attemptsOf, checkOwnHeaders, checkRefusal, lineOf, shortTimes } from '../support/outcomes.ts'
import { closedPort, type StandIn } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

type Expected = {
  readonly status: 502 | 504
  readonly name: string
  readonly outcome: 'failed' | 'unknown'
  /** Of each try, in order; the last one is the call's. */
  readonly reasons: readonly string[]
  readonly level: number
}

/** One call that comes to nothing, and everything there is to say about it. */
async function proven(t: TestContext, env: Environment, expected: Expected): Promise<void> {
  const house = await openTestHouse(t, { ...behind({ origin: '' }), ...shortTimes, ...env })
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.equal(reply.status, expected.status)
  checkRefusal(reply, expected.name)
  checkOwnHeaders(reply.headers)
  const { headers } = reply
  assert.deepEqual([headers['x-credits-charged'], headers['x-credits-available']], ['0', '10'])
  const row = await house.ended(headers['x-request-id'] ?? '')
  assert.deepEqual(
    [row['state'], row['outcome'], row['reason']],
    ['released', expected.outcome, expected.reasons.at(-1)],
  )
  assert.deepEqual([row['status'], row['upstream_status'], row['credits']], [expected.status, null, 0])
  assert.equal(row['upstream_may_bill'], expected.outcome === 'unknown' ? 1 : 0)
  const reasons = attemptsOf(row).map(({ reason }) => reason)
  assert.deepEqual(reasons, expected.reasons)
  assert.equal((await lineOf(house, headers['x-request-id'] ?? ''))['level'], expected.level)
  assert.ok(!JSON.stringify(house.lines).includes(masterToken))
  await house.balanced()
}

function behindOrigin({ origin }: { origin: string }, env: Environment = {}): Environment {
  return { UPSTREAM_URL: origin, ...env }
}

const unreachable = { status: 502, name: 'upstream_unreachable', outcome: 'failed', level: 40 } as const
const late = { status: 504, name: 'upstream_timeout', outcome: 'failed', level: 40 } as const

test('a refused connection is tried once more and costs nothing', async (t) => {
  const reasons = ['upstream_connect_refused', 'upstream_connect_refused']
  await proven(t, { UPSTREAM_URL: `http://127.0.0.1:${await closedPort()}` }, { ...unreachable, reasons })
})

test('a name that nobody knows costs nothing', async (t) => {
  const env = { UPSTREAM_URL: 'http://nope.invalid', UPSTREAM_ALLOW_HTTP: 'true' }
  // A resolver may take its time.
  const patient = {
    ...{ UPSTREAM_CONNECT_TIMEOUT_MS: '20000', UPSTREAM_HEADERS_TIMEOUT_MS: '21000', UPSTREAM_DEADLINE_MS: '60000' },
  }
  await proven(t, { ...env, ...patient }, { ...unreachable, reasons: ['upstream_dns', 'upstream_dns'] })
})

// A TLS connection is made when both sides have shaken hands, and this side of it never does.
test('a connection that is never made is a 504 after two tries, and nothing was sent', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  standIn.mode('hang-on-accept')
  const reasons = ['upstream_connect_timeout', 'upstream_connect_timeout']
  await proven(t, behindOrigin(standIn, { UPSTREAM_DEADLINE_MS: '30000' }), { ...late, reasons })
  assert.deepEqual([standIn.connections, standIn.calls.length], [2, 0])
})

test('all tries of a call share one deadline', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  standIn.mode('hang-on-accept')
  const times = {
    ...{ UPSTREAM_CONNECT_TIMEOUT_MS: '1200', UPSTREAM_HEADERS_TIMEOUT_MS: '1300', UPSTREAM_BODY_TIMEOUT_MS: '1300' },
    UPSTREAM_DEADLINE_MS: '2000',
  }
  const reasons = ['upstream_connect_timeout', 'upstream_deadline']
  await proven(t, behindOrigin(standIn, times), { ...late, reasons })
  assert.equal(standIn.calls.length, 0)
})

for (const [mode, outcome] of [
  ['reset-on-accept', { status: 502, name: 'upstream_error', reasons: ['upstream_reset'] }],
  ['fin-on-accept', { status: 502, name: 'upstream_error', reasons: ['upstream_closed'] }],
  ['hang-on-accept', { status: 504, name: 'upstream_timeout', reasons: ['upstream_headers_timeout'] }],
] as const) {
  test(`${mode}: a connection that was made and then fails is never tried again`, async (t) => {
    const standIn = await opened(t)
    standIn.mode(mode)
    await proven(t, behindOrigin(standIn), { ...outcome, outcome: 'unknown', level: 40 })
    assert.equal(standIn.connections, 1)
  })
}

test('garbage in place of an answer costs nothing', async (t) => {
  const standIn = await opened(t)
  standIn.mode('garbage-on-accept')
  const house = await openTestHouse(t, behind(standIn, shortTimes))
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.equal(reply.status, 502)
  checkRefusal(reply, 'upstream_error')
  const row = await house.ended(reply.headers['x-request-id'] ?? '')
  assert.deepEqual([row['state'], row['reason']], ['released', 'upstream_bad_protocol'])
  assert.equal(standIn.connections, 1)
  await house.balanced()
})

const distrusted = { ...unreachable, level: 50, reasons: ['upstream_tls', 'upstream_tls'] } as const

for (const kind of ['expired', 'wrong-host', 'self-signed'] as const) {
  test(`an upstream with a certificate that is ${kind} gets no byte of a request`, async (t) => {
    const standIn = await opened(t, { tls: kind })
    await proven(t, behindOrigin(standIn, { UPSTREAM_CA_FILE: authority(t, standIn) }), distrusted)
    assert.equal(standIn.calls.length, 0)
  })
}

test('an authority that was not named is not trusted', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  await proven(t, behindOrigin(standIn), distrusted)
  assert.equal(standIn.calls.length, 0)
})

for (const mode of ['tls-alert', 'garbage-on-accept'] as const) {
  test(`${mode}: an upstream that does not speak TLS is never spoken to in the clear`, async (t) => {
    const standIn = await opened(t, { tls: 'good' })
    standIn.mode(mode)
    await proven(t, behindOrigin(standIn, { UPSTREAM_CA_FILE: authority(t, standIn) }), distrusted)
    // What it noted are the first bytes of a TLS handshake.
    assert.ok(standIn.calls.every(({ complete, method, token }) => !complete && method === '' && token === ''))
  })
}

test('a private upstream is trusted through its authority', async (t) => {
  const standIn = await opened(t, { tls: 'good' })
  const house = await openTestHouse(t, behind(standIn, { ...shortTimes, UPSTREAM_CA_FILE: authority(t, standIn) }))
  const { secret } = await house.key(await house.account(10))
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.deepEqual([reply.status, reply.headers['x-credits-charged']], [200, '3'])
  assert.deepEqual(
    standIn.calls.map(({ token }) => token),
    [masterToken],
  )
  await house.balanced()
})

/** The file of the authority that signs the stand-in's certificates; gone with the test. */
function authority(t: TestContext, { ca }: StandIn): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-ca-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'ca.pem')
  writeFileSync(file, ca)
  return file
}
