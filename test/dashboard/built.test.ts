import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { Agent } from 'undici'
import { built } from '../../src/dashboard/built.ts'
import { everyReply } from '../../src/every-reply.ts'
import { openLog } from '../../src/log.ts'
import { problemJsonErrors } from '../../src/problem-json.ts'
import { openClient, type Reply } from '../support/client.ts'
import { openTestHouse } from '../support/house.ts'
import { checkout } from '../support/process.ts'
import { dial } from '../support/raw-client.ts'

const script = `console.log(${JSON.stringify('x'.repeat(2000))})`
const index = '<!doctype html><meta property="csp-nonce" nonce="NONCE-OF-THIS-PAGE"><script nonce="NONCE-OF-THIS-PAGE">'

/** The pages' part of the app on a socket, over a build made for the test, with things beside it that are not for sale. */
async function serving(t: TestContext, { empty = false } = {}) {
  const outside = mkdtempSync(join(tmpdir(), 'tollgate-built-'))
  const folder = join(outside, 'dashboard')
  t.after(() => rmSync(outside, { recursive: true }))
  writeFileSync(join(outside, 'outside.txt'), 'CANARY')
  if (!empty) {
    mkdirSync(join(folder, 'assets', '.hidden'), { recursive: true })
    writeFileSync(join(folder, 'index.html'), index)
    writeFileSync(join(folder, 'beside.txt'), 'CANARY')
    writeFileSync(join(folder, 'assets', '.hidden', 'a.txt'), 'CANARY')
    writeFileSync(join(folder, 'assets', 'app-1a2b.js'), script)
    writeFileSync(join(folder, 'assets', 'app-1a2b.js.br'), brotliCompressSync(script))
    writeFileSync(join(folder, 'assets', 'app-1a2b.js.gz'), gzipSync(script))
    writeFileSync(join(folder, 'assets', 'plain-3c.png'), 'a picture')
  }
  const app = Fastify({ exposeHeadRoutes: false })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(everyReply)
    done()
  })
  app.setErrorHandler(problemJsonErrors(openLog('silent', false, { write: () => undefined })))
  app.register(built, { prefix: '/dashboard', folder: pathToFileURL(`${folder}/`) })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent()
  t.after(async () => {
    await agent.destroy()
    await app.close()
  })
  const client = openClient(origin, agent)
  const get = (path: string, headers: Record<string, string> = {}) => client.send('GET', path, headers)
  return { origin, get }
}

function policyOf({ headers }: Reply): readonly string[] {
  return (headers['content-security-policy'] ?? '').split('; ')
}

test('every path of the dashboard shows the one page, with a policy and a word of its own each time', async (t) => {
  const { get } = await serving(t)
  const seen = new Set<string>()
  for (const path of ['/dashboard/', '/dashboard/calls', '/dashboard/accounts/acc_01?tab=keys']) {
    const reply = await get(path)
    assert.equal(reply.status, 200)
    assert.equal(reply.headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(reply.headers['cache-control'], 'no-cache')
    const rules = policyOf(reply)
    const nonce = /^style-src 'self' 'nonce-([\w+/=]{24,})'$/.exec(rules.find((rule) => rule.startsWith('style')) ?? '')
    const word = nonce?.[1] ?? ''
    assert.equal(reply.body.toString(), index.replaceAll('NONCE-OF-THIS-PAGE', word))
    const strict = ["default-src 'self'", "script-src 'self'", "connect-src 'self'", "object-src 'none'"]
    const closed = ["base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'", "img-src 'self' blob: data:"]
    assert.deepEqual(rules.filter((rule) => !rule.startsWith('style-src')).sort(), [...strict, ...closed].sort())
    seen.add(word)
  }
  assert.equal(seen.size, 3)
})

test('a file whose name tells its contents is kept for ever, and sent as small as the browser takes it', async (t) => {
  const { get } = await serving(t)
  const ways = { br: brotliDecompressSync, gzip: gunzipSync, identity: (bytes: Buffer) => bytes }
  for (const [encoding, opened] of Object.entries(ways)) {
    const reply = await get('/dashboard/assets/app-1a2b.js', { 'accept-encoding': encoding })
    assert.equal(reply.status, 200)
    assert.equal(opened(reply.body).toString(), script)
    assert.equal(reply.headers['content-encoding'] ?? 'identity', encoding)
    assert.equal(reply.headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.match(String(reply.headers['content-type']), /^(text|application)\/javascript/)
    assert.equal(reply.headers['x-content-type-options'], 'nosniff')
    assert.match(String(reply.headers['vary']), /accept-encoding/i)
  }
  const picture = await get('/dashboard/assets/plain-3c.png', { 'accept-encoding': 'br, gzip' })
  assert.deepEqual([picture.body.toString(), picture.headers['content-type']], ['a picture', 'image/png'])
})

test('a file that is not there is not found, and is no page', async (t) => {
  const { get } = await serving(t)
  for (const path of ['/dashboard/assets/gone-9z.js', '/dashboard/gone.js', '/dashboard/.env']) {
    const reply = await get(path)
    assert.deepEqual([reply.status, reply.json()['name']], [404, 'not_found'], path)
    assert.notEqual(reply.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
})

test('nothing outside the built files is given away, however its path is written', async (t) => {
  const { origin } = await serving(t)
  const raw = await dial(t, origin)
  const paths = [
    ...['../beside.txt', '../../outside.txt', '%2e%2e/beside.txt', '%2e%2e%2fbeside.txt', '..%2f..%2foutside.txt'],
    ...['..%5cbeside.txt', '%252e%252e%252fbeside.txt', './/../beside.txt', 'x/../../beside.txt', '....//beside.txt'],
    ...['.hidden/a.txt', '%2ehidden/a.txt', '/etc/passwd', '%2fetc%2fpasswd', 'app-1a2b.js%00.txt', 'app-1a2b.js/'],
  ]
  for (const path of paths) {
    raw.send(`GET /dashboard/assets/${path} HTTP/1.1\r\nhost: house.test\r\n\r\n`)
    const reply = await raw.reply()
    assert.ok([400, 403, 404].includes(reply.status), `${path}: ${reply.status}`)
    assert.ok(!reply.body.includes('CANARY') && !reply.body.includes('root:'), path)
  }
})

test('without built pages the dashboard is not found, in a sentence that says what to do', async (t) => {
  const { get } = await serving(t, { empty: true })
  for (const path of ['/dashboard/', '/dashboard/calls']) {
    const reply = await get(path)
    assert.equal(reply.status, 404)
    assert.match(String(reply.json()['detail']), /npm run build/)
  }
  assert.equal((await get('/dashboard/assets/app-1a2b.js')).status, 404)
})

test('a browser that asks for the house is led to the dashboard, and anything else finds nothing there', async (t) => {
  const house = await openTestHouse(t)
  const get = (path: string, accept: string) => house.client.send('GET', path, { accept })
  const led = await get('/', 'text/html,application/xhtml+xml,*/*;q=0.8')
  assert.deepEqual([led.status, led.headers['location']], [302, 'dashboard/'])
  assert.equal((await get('/', '*/*')).status, 404)
  const short = await get('/dashboard', 'text/html')
  assert.deepEqual([short.status, short.headers['location']], [302, 'dashboard/'])
})

test('the pages as built here load nothing from elsewhere, have no script of their own in them, and are small', async (t) => {
  const house = await openTestHouse(t)
  const page = await house.client.send('GET', '/dashboard/', { accept: 'text/html' })
  assert.equal(page.status, 200, 'run: npm run build')
  const html = page.body.toString()
  const [, nonce = '-'] = /'nonce-([^']+)'/.exec(String(page.headers['content-security-policy'])) ?? []
  assert.ok(html.includes(`<meta property="csp-nonce" nonce="${nonce}">`))
  assert.ok(!html.includes('NONCE-OF-THIS-PAGE') && !/https?:|\s(on\w+|style)=|src="\/\//.test(html), html)
  assert.deepEqual(
    [...html.matchAll(/<script[^>]*>([^<]*)/g)].map(([, text]) => text),
    [''],
  )
  const first = [...html.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)].map(([, path = '']) => path)
  assert.ok(first.length >= 2)
  let bytes = page.body.length
  for (const path of first) {
    const reply = await house.client.send('GET', path, { 'accept-encoding': 'gzip' })
    assert.deepEqual([reply.status, reply.headers['content-encoding']], [200, 'gzip'], path)
    assert.match(path, /-[\w-]{8}\.\w+$/)
    bytes += reply.body.length
  }
  assert.ok(bytes < 350_000, `${bytes} bytes`)
  const names = readdirSync(join(checkout, 'dist/dashboard/assets'))
  for (const name of names.filter((each) => /\.(js|css)$/.test(each))) {
    assert.ok(names.includes(`${name}.br`) && names.includes(`${name}.gz`), name)
  }
})
