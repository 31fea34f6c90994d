import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../../src/keys/key.ts'
import { adminKey, behind, masterToken } from '../support/house.ts'
import { checkout, openPlace, type Place } from '../support/process.ts'
import { opened } from '../support/stand-in-client.ts'

/** Starts as a newcomer does, and waits for the greeting. */
async function greeted(place: Place, env = {}, last = /lighthouse\.png\n|"mode": "test"}'\n/) {
  const house = place.begin({ env })
  await house.until(last)
  return house
}

function keysIn(text: string): string[] {
  return text.match(/tg_(live|test|admin)_[0-9A-Za-z]{38}/g) ?? []
}

test('the first start shows an operator key and a demo key once, and keeps only their digests', async (t) => {
  const place = openPlace(t)
  const house = await greeted(place)
  const [operator = '', demo = '', ...more] = keysIn(house.stdout() + house.stderr())
  assert.ok(operator.startsWith('tg_admin_') && demo.startsWith('tg_test_'))
  assert.deepEqual(more, [])
  assert.equal(house.stderr(), '')
  assert.deepEqual(
    place.rows('SELECT digest FROM operators UNION ALL SELECT digest FROM keys').map(({ digest }) => digest),
    [digestOf(operator), digestOf(demo)],
  )
  assert.deepEqual({ ...place.rows('SELECT name FROM accounts')[0] }, { name: 'demo' })
  for (const line of house.lines()) assert.deepEqual(keysIn(JSON.stringify(line)), [])
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
  const bytes = readFileSync(place.database, 'latin1')
  assert.ok(!bytes.includes(operator) && !bytes.includes(demo))
})

test('the curl of the first start draws a picture of about 1.5 megapixels', async (t) => {
  const place = openPlace(t)
  const house = await greeted(place)
  const curl = /^ {2}curl (?:.*\\\n)*.*$/m.exec(house.stdout())?.[0] ?? ''
  assert.deepEqual(await place.run({ command: ['bash', '-c', curl] }), {
    code: 0,
    signal: null,
    stdout: '',
    stderr: '',
  })
  const png = readFileSync(join(place.folder, 'lighthouse.png'))
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  const pixels = png.readUInt32BE(16) * png.readUInt32BE(20)
  assert.ok(pixels > 1_400_000 && pixels < 1_600_000, String(pixels))
})

test('the minted operator key opens the admin API', async (t) => {
  const place = openPlace(t)
  const house = await greeted(place)
  const [operator = ''] = keysIn(house.stdout())
  const origin = /"address":"([^"]+)"/.exec(house.stdout())?.[1]
  const books = await fetch(`${origin}/admin/v1/books`, { headers: { authorization: `Bearer ${operator}` } })
  assert.equal(books.status, 200)
  assert.equal(((await books.json()) as { balanced: unknown }).balanced, true)
})

test('a later start shows no key and says how to make another', async (t) => {
  const place = openPlace(t)
  const first = await greeted(place)
  first.kill('SIGTERM')
  await first.ended
  const second = await greeted(place)
  assert.deepEqual(keysIn(second.stdout() + second.stderr()), [])
  assert.match(second.stdout(), /make another with an operator key/)
  assert.equal(place.rows('SELECT id FROM operators').length, 1)
  assert.equal(place.rows('SELECT id FROM keys').length, 1)
})

test('with ADMIN_KEY no operator is made and the key is written nowhere', async (t) => {
  const place = openPlace(t)
  const house = await greeted(place, { ADMIN_KEY: adminKey })
  assert.deepEqual(
    keysIn(house.stdout()).map((key) => key.slice(0, 8)),
    ['tg_test_'],
  )
  assert.equal(place.rows('SELECT id FROM operators').length, 0)
  house.kill('SIGTERM')
  await house.ended
  assert.ok(!(house.stdout() + house.stderr() + readFileSync(place.database, 'latin1')).includes(adminKey))
})

test('with an upstream token there is no demo and no word of a sandbox', async (t) => {
  const standIn = await opened(t)
  const place = openPlace(t)
  const house = place.begin({ env: behind(standIn) })
  await house.until(/tg_admin_\w{38}\n/)
  house.kill('SIGTERM')
  await house.ended
  assert.equal(keysIn(house.stdout()).length, 1)
  assert.doesNotMatch(house.stdout() + house.stderr(), /sandbox|demo|curl/i)
  assert.equal(place.rows('SELECT id FROM accounts').length, 0)
  const second = await place.start(behind(standIn))
  second.kill('SIGTERM')
  await second.ended
  assert.deepEqual(
    second
      .stdout()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('{')),
    [],
  )
})

test('in sandbox mode a live key gets 503 and is told to come back', async (t) => {
  const place = openPlace(t)
  const { secret } = await place.furnish(10)
  const house = await place.start()
  assert.ok(house.lines().some(({ reason, level }) => reason === 'sandbox' && level === 40))
  const reply = await house.client.call(secret, { prompt: 'a lighthouse' })
  assert.deepEqual([reply.status, reply.json()['name']], [503, 'upstream_unavailable'])
  assert.ok(Number(reply.headers['retry-after']) >= 1)
  assert.deepEqual((await house.books())['balanced'], true)
})

test('keys minted by a start that cannot listen are not lost: the next start mints and shows them', async (t) => {
  const standIn = await opened(t)
  const place = openPlace(t)
  const failed = await place.run({ env: { PORT: String(standIn.port) } })
  assert.equal(failed.code, 78)
  const house = await greeted(place)
  assert.equal(keysIn(house.stdout()).length, 2)
})

test('.env in the working directory is read, and the environment wins over it', async (t) => {
  const standIn = await opened(t)
  const place = openPlace(t)
  writeFileSync(join(place.folder, '.env'), `UPSTREAM_TOKENS=${masterToken}\nLOG_LEVEL=fatal\nADMIN_KEY=${adminKey}\n`)
  const house = await place.start({ UPSTREAM_URL: standIn.origin, LOG_LEVEL: 'info' })
  assert.equal(((await (await fetch(`${house.origin}/ready`)).json()) as { paid: unknown }).paid, 'ok')
})

test('the database, its folder and its lock are for the owner alone', async (t) => {
  const place = openPlace(t)
  const file = join(place.folder, 'new/house.db')
  const house = await place.start({ DATABASE_URL: `sqlite:${file}` })
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(statSync(join(place.folder, 'new')).mode & 0o777, 0o700)
  house.kill('SIGTERM')
  assert.equal((await house.ended).code, 0)
})

test('on a terminal the lines and the greeting are readable and the greeting comes once', async (t) => {
  const place = openPlace(t)
  // The terminal's session is its own, so the server's process has to be named.
  const command = `echo "pid=$$"; exec ${process.execPath} ${join(checkout, 'src/server.ts')}`
  const house = place.begin({ command: ['script', '-qec', command, '/dev/null'], env: { SHELL: '/bin/sh' } })
  const [, pid] = await house.until(/pid=(\d+)\r?\n/)
  t.after(() => assert.throws(() => process.kill(Number(pid), 'SIGKILL'), { code: 'ESRCH' }))
  await house.until(/lighthouse\.png\r?\n/)
  process.kill(Number(pid), 'SIGTERM')
  assert.equal((await house.ended).code, 0)
  assert.equal(house.stdout().match(/Operator key, shown only now/g)?.length, 1)
  assert.match(house.stdout(), /INFO.*listening/)
  assert.match(house.stdout(), /INFO.*closed/)
  assert.deepEqual(house.lines(), [])
})
