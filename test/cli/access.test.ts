import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { adminKey } from '../support/house.ts'
import { openDesk } from './desk.ts'

const list = ['accounts', 'list']
const noKey = { TOLLGATE_ADMIN_KEY: '' }

/** A server that is no Tollgate. */
async function strangerAt(t: TestContext, status: number, headers: Record<string, string>, body: string) {
  const heard: (string | undefined)[] = []
  const server = createServer((request, response) => {
    heard.push(request.headers.authorization)
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => void server.close().closeAllConnections())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { url: `http://127.0.0.1:${address.port}`, heard }
}

test('without an operator key, or with an address that is none, every fault is told at once with 78', async (t) => {
  const { refused } = await openDesk(t)
  assert.match(await refused(78, list, noKey), /^TOLLGATE_ADMIN_KEY: must hold the key of an operator/)
  const both = await refused(78, list, { ...noKey, TOLLGATE_URL: 'here' })
  assert.match(both, /^TOLLGATE_URL: must be a URL such as .*\nTOLLGATE_ADMIN_KEY: must hold/)
  for (const url of ['ftp://x', 'http://', 'http://a:b@127.0.0.1', 'http://127.0.0.1/?x', 'http://127.0.0.1/#x', ' ']) {
    assert.match(await refused(78, list, { TOLLGATE_URL: url }), /^TOLLGATE_URL: must /)
  }
  const secret = 'a secret with spaces'
  const spaced = await refused(78, list, { TOLLGATE_ADMIN_KEY: secret })
  assert.match(spaced, /^TOLLGATE_ADMIN_KEY: must be 1 to 1024 characters of visible ASCII/)
  assert.ok(!spaced.includes(secret))
})

test('the operator key may come from a file, or from .env', async (t) => {
  const { place, tollgate, refused } = await openDesk(t)
  const file = join(place.folder, 'operator')
  writeFileSync(file, `${adminKey}\n`)
  assert.equal((await tollgate(list, { ...noKey, TOLLGATE_ADMIN_KEY_FILE: file })).code, 0)
  const both = await refused(78, list, { TOLLGATE_ADMIN_KEY_FILE: file })
  assert.equal(both, 'TOLLGATE_ADMIN_KEY_FILE: must not be given together with TOLLGATE_ADMIN_KEY.\n')
  const missing = await refused(78, list, { ...noKey, TOLLGATE_ADMIN_KEY_FILE: join(place.folder, 'nowhere') })
  assert.equal(missing, 'TOLLGATE_ADMIN_KEY_FILE: names a file that cannot be read (ENOENT).\n')
  writeFileSync(file, '\n')
  const empty = await refused(78, list, { ...noKey, TOLLGATE_ADMIN_KEY_FILE: file })
  assert.equal(empty, 'TOLLGATE_ADMIN_KEY_FILE: names an empty file.\n')
  writeFileSync(join(place.folder, '.env'), `TOLLGATE_ADMIN_KEY=${adminKey}\n`)
  assert.equal((await tollgate(list, { TOLLGATE_ADMIN_KEY: undefined })).code, 0)
})

test('a key that opens nothing, and a gateway that is not there, end with 1', async (t) => {
  const { house, refused } = await openDesk(t)
  const stranger = await refused(1, list, { TOLLGATE_ADMIN_KEY: 'nobody-knows-this-key-at-all' })
  assert.equal(stranger, 'This operator key is not valid.\n')
  await house.close(1000)
  const gone = await refused(1, list)
  assert.equal(gone, 'The gateway cannot be reached (ECONNREFUSED); TOLLGATE_URL says where it is.\n')
})

test('what is no Tollgate is told so, and a redirect gets no key', async (t) => {
  const { refused } = await openDesk(t)
  const page = { 'content-type': 'text/html' }
  const target = await strangerAt(t, 200, page, '<html>hello</html>')
  assert.match(await refused(1, list, { TOLLGATE_URL: target.url }), /is no Tollgate; TOLLGATE_URL says where it is/)
  const broken = await strangerAt(t, 502, page, '<html>bad gateway</html>')
  assert.match(await refused(1, list, { TOLLGATE_URL: broken.url }), /\(status 502\) is no Tollgate/)
  const other = await strangerAt(t, 200, page, '')
  const moved = await strangerAt(t, 307, { location: other.url }, '')
  assert.match(await refused(1, list, { TOLLGATE_URL: moved.url }), /\(status 307\) is no Tollgate/)
  assert.deepEqual(other.heard, [])
})

test('a gateway behind a path of its own is found', async (t) => {
  const { house, tollgate } = await openDesk(t)
  const empty = await strangerAt(t, 200, { 'content-type': 'application/json' }, '{"data":[],"next_cursor":null}')
  const done = await tollgate(list, { TOLLGATE_URL: `${empty.url}/tollgate/` })
  assert.deepEqual([done.code, done.stdout, empty.heard], [0, 'There are none.\n', [`Bearer ${adminKey}`]])
  await house.balanced()
})

test('a secret among the arguments is refused and not repeated', async (t) => {
  const { house, refused } = await openDesk(t)
  const { secret } = await house.key(await house.account(0))
  const ways = [
    ['--admin-key', adminKey, ...list],
    [...list, `--admin-key=${adminKey}`],
    [...list, '--key', adminKey],
    [...list, '--token', 'x'],
    ['tokens', 'resume', 'sk-0123456789abcdef'],
    ['keys', 'revoke', secret],
    ['calls', 'list', '--key', secret],
    ['accounts', 'create', secret],
  ]
  for (const words of ways) {
    const told = await refused(2, words)
    assert.match(told, /^Secrets are never arguments: /)
    assert.ok(!told.includes(adminKey) && !told.includes(secret) && !told.includes('sk-0123'), told)
  }
  const notAnId = await refused(2, ['calls', 'list', '--key', 'render-farm'])
  assert.match(notAnId, /must be an id such as key_/)
})

test('a reader who has seen enough ends it quietly', async (t) => {
  const { house, place } = await openDesk(t)
  for (let count = 0; count < 203; count++) await house.account(0)
  const env = { TOLLGATE_URL: house.origin, TOLLGATE_ADMIN_KEY: adminKey }
  const pipe = `"${process.execPath}" "$0" accounts list --all --json | head -c 5; echo " \${PIPESTATUS[0]}"`
  const main = new URL('../../src/cli/tollgate.mjs', import.meta.url).pathname
  const { stdout, stderr } = await place.run({ command: ['bash', '-c', pipe, main], env })
  assert.deepEqual([stdout, stderr], ['{"dat 0\n', ''])
})
