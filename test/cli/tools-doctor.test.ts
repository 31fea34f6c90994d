import assert from 'node:assert/strict'
import { chmodSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { masterToken } from '../support/house.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { closedPort } from '../support/stand-in.ts'
import { type Done, openToolPlace } from './tools-place.ts'

const postgres = sharedPostgres()

type Check = { readonly check: string; readonly state: string; readonly detail: string }

function checksOf(done: Done): Check[] {
  return done.json()['checks'] as Check[]
}

function found(done: Done, check: string): Check | undefined {
  return checksOf(done).find((each) => each.check === check)
}

function failsNothing(done: Done): void {
  assert.deepEqual(
    checksOf(done).filter(({ state }) => state === 'fail'),
    [],
  )
  assert.deepEqual([done.code, done.json()['ok']], [0, true])
}

/** Asserts that the doctor failed, and for this reason only. */
function failsOnly(done: Done, check: string, words: RegExp, code = 1): void {
  const failed = checksOf(done).filter(({ state }) => state === 'fail')
  assert.deepEqual(
    failed.map((each) => each.check),
    [check],
  )
  assert.match(failed[0]?.detail ?? '', words)
  assert.deepEqual([done.code, done.json()['ok']], [code, false])
}

test('a house in order passes every check, with its server running and without', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const house = await place.start()
  for (const _ of ['beside the server', 'alone']) {
    const done = await place.tool(['doctor', '--json'])
    failsNothing(done)
    const names = ['settings', 'node', 'sqlite', 'folder', 'disk', 'room', 'rights', 'integrity', 'schema', 'journal']
    assert.deepEqual(
      checksOf(done).map(({ check }) => check),
      [...names, 'clock', 'books', 'tokens'],
    )
    assert.match(found(done, 'books')?.detail ?? '', /1 accounts, 7 credits posted/)
    assert.match(found(done, 'tokens')?.detail ?? '', /skipped: in sandbox mode/)
    house.kill('SIGTERM')
    await house.ended
  }
  assert.deepEqual(place.names(), ['house.db', 'house.db-replays', 'house.db.lock'])
  const lines = (await place.tool(['doctor'])).stdout.trim().split('\n')
  for (const line of lines) assert.match(line, /^(ok|warn|fail) +\w+ +\S/)
})

test('every wrong setting is told, none of it is shown, and the ledger is looked at all the same', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const env = { PORT: 'canary', RATE_LIMIT: 'canary', UPSTREAM_URL: 'http://canary.example', UPSTREAM_TOKEN: 'canary' }
  const done = await place.tool(['doctor', '--json'], env)
  assert.equal(done.code, 78)
  const faults = checksOf(done).filter(({ check, state }) => check === 'settings' && state === 'fail')
  assert.deepEqual(faults.map(({ detail }) => detail.split(':')[0]).sort(), Object.keys(env).sort())
  assert.equal(found(done, 'books')?.state, 'ok')
  assert.doesNotMatch(done.stdout, /canary/)
})

test('a ledger that others may read, and a folder that others may change, are found', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  chmodSync(place.database, 0o644)
  failsOnly(await place.tool(['doctor', '--json']), 'rights', /house\.db \(0644\)/)
  chmodSync(place.database, 0o600)
  chmodSync(place.folder, 0o777)
  failsOnly(await place.tool(['doctor', '--json']), 'folder', /changed by everybody/)
  chmodSync(place.folder, 0o750)
  const done = await place.tool(['doctor', '--json'])
  failsNothing(done)
  assert.equal(found(done, 'folder')?.state, 'warn')
})

test('books tampered with are found, by doctor and by books', async (t) => {
  const place = openToolPlace(t)
  const { accountId } = await place.furnish(7)
  assert.equal(
    (await place.tool(['books'])).stdout,
    'The books balance: 1 accounts, 7 credits posted, 0 held by 0 calls.\n',
  )
  place.tamper('UPDATE accounts SET posted = posted - 1')
  failsOnly(await place.tool(['doctor', '--json']), 'books', new RegExp(`${accountId}: posted is not the sum`))
  const books = await place.tool(['books', '--json'])
  assert.equal(books.code, 1)
  const { balanced, imbalance } = books.json()
  assert.deepEqual({ balanced, imbalance }, { balanced: false, imbalance: '0.000001' })
})

test('a damaged, a newer and a lost ledger are found', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  place.tamper(`INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 1)`)
  failsOnly(await place.tool(['doctor', '--json']), 'schema', /9999 is of a newer Tollgate/)
  const handle = openSync(place.database, 'r+')
  const pages = statSync(place.database).size / 4096
  for (let page = 3; page < pages; page++) writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096)
  failsOnly(await place.tool(['doctor', '--json']), 'integrity', /damaged/)
  for (const ending of ['', '-wal', '-shm']) rmSync(place.database + ending, { force: true })
  failsOnly(await place.tool(['doctor', '--json']), 'ledger', /was here before and is gone/)
})

test('a clock behind what is written already is found', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  place.tamper(`UPDATE schema_migrations SET applied_at = ${Date.now() + 3_600_000} WHERE number = 1`)
  failsOnly(await place.tool(['doctor', '--json']), 'clock', /the clock was set back/)
})

const answers: Readonly<Record<string, readonly [status: number, body: string]>> = {
  good: [200, '{"credits": 12.5}'],
  poor: [200, '{"credits": 0}'],
  owed: [402, '{}'],
  gone: [401, '{"name": "unauthorized"}'],
  calm: [429, '{}'],
  page: [200, '<html>canary</html>'],
}

/** An upstream that knows tokens by their last four characters. */
async function treasury(t: TestContext, date?: string): Promise<{ origin: string; paths: string[] }> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`)
    const [status, body] = answers[request.headers.authorization?.slice(-4) ?? ''] ?? [500, '']
    response.writeHead(status, { 'content-type': 'application/json', ...(date ? { date } : {}) }).end(body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths }
}

test('each master token is tried and named by four characters only', async (t) => {
  const place = openToolPlace(t)
  const { origin, paths } = await treasury(t)
  const secrets = Object.keys(answers).map((ending) => `sk-CANARY-0123456789-${ending}`)
  const env = { UPSTREAM_URL: `${origin}/sd`, UPSTREAM_TOKENS: secrets.join(',') }
  const done = await place.tool(['doctor', '--json'], env)
  assert.equal(done.code, 1)
  const tokens = checksOf(done).filter(({ check }) => check === 'tokens')
  const told = tokens.map(({ state, detail }) => `${state} ${/\.\.\.\w{4} [\w ]+/.exec(detail)?.[0]}`)
  assert.deepEqual(told, [
    'ok ...good is active',
    'fail ...poor is empty',
    'fail ...owed is empty',
    'fail ...gone is refused by the upstream',
    'warn ...calm cannot be judged',
    'warn ...page cannot be judged',
  ])
  assert.match(tokens[0]?.detail ?? '', /12\.5 credits/)
  assert.doesNotMatch(done.stdout + done.stderr, /CANARY|canary|0123456789/)
  assert.deepEqual(new Set(paths), new Set(['GET /sd/v1/user/balance']))
  assert.equal(paths.length, secrets.length)
})

test('a clock far from that of the upstream is told', async (t) => {
  const place = openToolPlace(t)
  const { origin } = await treasury(t, new Date(Date.now() + 3_600_000).toUTCString())
  const env = { UPSTREAM_URL: origin, UPSTREAM_TOKENS: 'sk-CANARY-0123456789-good' }
  const done = await place.tool(['doctor', '--json'], env)
  failsNothing(done)
  const clock = found(done, 'clock')
  assert.equal(clock?.state, 'warn')
  assert.match(clock?.detail ?? '', /^3\d{3} s behind the upstream/)
})

test('an upstream and a Redis that nobody answers for are found', async (t) => {
  const place = openToolPlace(t)
  await place.furnish(7)
  const nobody = `127.0.0.1:${await closedPort()}`
  const upstream = await place.tool(['doctor', '--json'], {
    UPSTREAM_URL: `http://${nobody}`,
    UPSTREAM_TOKENS: masterToken,
  })
  failsOnly(upstream, 'tokens', /UPSTREAM_URL is unreachable \(ECONNREFUSED\)/)
  assert.doesNotMatch(upstream.stdout, /CANARY/)
  const redis = await place.tool(['doctor', '--json'], { REDIS_URL: `redis://:canary@${nobody}` })
  failsOnly(redis, 'redis', /nothing answers there/)
  assert.doesNotMatch(redis.stdout, /canary/)
})

test('a PostgreSQL ledger is looked at too', async (t) => {
  const place = openToolPlace(t)
  const server = await postgres()
  const DATABASE_URL = await server.database()
  const doctor = () => place.tool(['doctor', '--json'], { DATABASE_URL })
  // The server of the tests may flush nothing, to be quick; the doctor has to see that, and no other fault.
  const [flush] = await server.query(DATABASE_URL, `SELECT current_setting('fsync') AS fsync`)
  const risky = ['fsync', 'full_page_writes']
  const failed = (done: Done) =>
    checksOf(done).flatMap(({ check, state }) => (state === 'fail' && !risky.includes(check) ? [check] : []))
  const empty = await doctor()
  assert.deepEqual([failed(empty), found(empty, 'schema')?.state], [[], 'warn'])
  assert.equal((await place.tool(['migrate'], { DATABASE_URL })).code, 0)
  const good = await doctor()
  assert.deepEqual(failed(good), [])
  assert.equal(found(good, 'fsync')?.state, flush?.['fsync'] === 'on' ? 'ok' : 'fail')
  for (const name of ['database', 'synchronous_commit', 'clock', 'schema', 'books']) {
    assert.equal(found(good, name)?.state, 'ok', name)
  }
  const name = DATABASE_URL.slice(DATABASE_URL.lastIndexOf('/') + 1)
  await server.query(DATABASE_URL, `ALTER DATABASE ${name} SET synchronous_commit = off`)
  assert.equal(found(await doctor(), 'synchronous_commit')?.state, 'warn')
  await server.query(DATABASE_URL, `INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 1)`)
  const newer = await doctor()
  assert.deepEqual([newer.code, failed(newer)], [1, ['schema']])
  const wrong = await place.tool(['doctor', '--json'], { DATABASE_URL: DATABASE_URL.replace(':password@', ':canary@') })
  failsOnly(wrong, 'database', /refuses this user and password/)
  assert.doesNotMatch(wrong.stdout, /canary/)
})

test('books of a PostgreSQL ledger that were tampered with are found', async (t) => {
  const place = openToolPlace(t)
  const server = await postgres()
  const DATABASE_URL = await server.database()
  assert.equal((await place.tool(['migrate'], { DATABASE_URL })).code, 0)
  assert.equal((await place.tool(['books'], { DATABASE_URL })).code, 0)
  const columns = 'id, name, status, posted, held, entries, day, day_used, month_used, total_used, version, created_at'
  await server.query(
    DATABASE_URL,
    `INSERT INTO accounts (${columns}) VALUES ('acc_x', 'x', 'active', 5, 0, 0, 0, 0, 0, 0, 1, 1)`,
  )
  const done = await place.tool(['books'], { DATABASE_URL })
  assert.equal(done.code, 1)
  assert.match(done.stdout, /acc_x: posted is not the sum of the entries \(5\)/)
})
