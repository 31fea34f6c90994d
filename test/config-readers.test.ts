import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import fastify from 'fastify'
import { settings } from '../src/config.ts'
import { canary, configOf, faultsOf, refuses } from './support/settings.ts'

test('a token has the weight behind its last @, and 1 without one', () => {
  const { upstreamTokens } = configOf({ UPSTREAM_TOKENS: 'sk-aB3, sk-cD4@7,e@mail@2,plain@host,sk-tail@,sk-eF5@1000' })
  assert.deepEqual(upstreamTokens, [
    { value: 'sk-aB3', weight: 1 },
    { value: 'sk-cD4', weight: 7 },
    { value: 'e@mail', weight: 2 },
    { value: 'plain@host', weight: 1 },
    { value: 'sk-tail@', weight: 1 },
    { value: 'sk-eF5', weight: 1000 },
  ])
})

test('every bad token is named by its place, never by its text', () => {
  assert.deepEqual(
    faultsOf({ UPSTREAM_TOKENS: `${canary},,${canary}@2,${canary}3@0,${canary}4@1001,${canary}5\r\nX: y,@5` }),
    [
      'UPSTREAM_TOKENS: token 2 is blank.',
      'UPSTREAM_TOKENS: token 3 is the same as token 1.',
      'UPSTREAM_TOKENS: token 4 has a weight that is not from 1 to 1000.',
      'UPSTREAM_TOKENS: token 5 has a weight that is not from 1 to 1000.',
      'UPSTREAM_TOKENS: token 6 has a character that is not visible ASCII.',
      'UPSTREAM_TOKENS: token 7 is blank.',
    ],
  )
})

test('placeholders and blanks are no tokens, and tokens that look alike are', () => {
  refuses('UPSTREAM_TOKENS', [
    ' ',
    ',',
    'sk-...',
    'SK-...',
    'sk-',
    'changeme',
    'Change-Me',
    'your-token',
    'YOUR_API_KEY',
  ])
  refuses('UPSTREAM_TOKENS', [
    'sk-your-key-here',
    'xxx',
    'sk-xxxx',
    'sk-XXXX-XXXX',
    '***',
    '<token>',
    '$TOKEN',
    `\${TOKEN}`,
  ])
  refuses('UPSTREAM_TOKENS', [
    '{{token}}',
    'token',
    'none',
    'replace-me',
    'sk-...@5',
    `${canary},`,
    'sk-a b',
    'sk-a\tb',
    'sk-é',
  ])
  for (const value of [
    'sk-a',
    'master-1',
    'sk-test-upstream',
    'tg_live_0',
    'sk-0000',
    'sk-xX1',
    'sk-yourself',
    'x-9',
  ]) {
    assert.deepEqual(configOf({ UPSTREAM_TOKENS: value }).upstreamTokens, [{ value, weight: 1 }])
  }
})

test('numbers are whole and within bounds that timers and buffers can hold', () => {
  const bad = ['-1', '1.5', '1e3', '0x10', ' 5', '5 ', '+5', '5s', 'NaN', 'Infinity', '٣', '99999999999999999999']
  const numbers = Object.entries(configOf({})).filter(([, value]) => typeof value === 'number')
  assert.ok(numbers.length >= 15)
  for (const [field] of numbers) {
    const env = Object.entries(settings).find(([each]) => each === field)?.[1].env ?? ''
    refuses(env, bad)
  }
  refuses('PORT', ['65536'])
  refuses('UPSTREAM_DEADLINE_MS', ['0', '2147483648'])
  refuses('SHUTDOWN_GRACE_MS', ['2147483648'])
  refuses('BODY_LIMIT_BYTES', ['0', '1073741825'])
  refuses('RETAIN_CALLS_DAYS', ['0'])
  assert.equal(configOf({ PORT: '0' }).port, 0)
  assert.equal(configOf({ QUEUE_WAIT_MS: '0' }).queueWaitMs, 0)
})

test('booleans are true or false and levels are those of pino, in no other spelling', () => {
  for (const name of ['UPSTREAM_ALLOW_HTTP', 'CHARGE_FILTERED', 'WEBHOOK_ALLOW_PRIVATE']) {
    refuses(name, ['1', '0', 'yes', 'True', 'FALSE', ' true'])
  }
  assert.equal(configOf({ CHARGE_FILTERED: 'false' }).chargeFiltered, false)
  assert.equal(configOf({ LOG_LEVEL: 'silent' }).logLevel, 'silent')
  refuses('LOG_LEVEL', ['INFO', 'verbose', '30'])
})

test('a rate is calls per span in one of four units', () => {
  const spans = { '1/500ms': 500, '1/10s': 10_000, '1/1m': 60_000, '1/24h': 86_400_000 }
  for (const [text, windowMs] of Object.entries(spans)) {
    assert.deepEqual(configOf({ RATE_LIMIT: text, UPSTREAM_PACE: text }).upstreamPace, { calls: 1, windowMs })
  }
  const bad = ['140', '140/10', '140/s', '0/10s', '140/0s', '1.5/10s', '140 / 10s', '140/10S', '1/25h', '1/1d', '-1/1s']
  refuses('RATE_LIMIT', bad)
  refuses('UPSTREAM_PACE', bad)
})

test('an upstream may have a path, and a slash at its end makes no difference', () => {
  const cases = {
    'https://api.stability.ai/': { origin: 'https://api.stability.ai', path: '' },
    'https://reseller.example/sd': { origin: 'https://reseller.example', path: '/sd' },
    'https://reseller.example:8443/a/sd//': { origin: 'https://reseller.example:8443', path: '/a/sd' },
    'HTTPS://API.Stability.AI:443': { origin: 'https://api.stability.ai', path: '' },
    'http://localhost:9': { origin: 'http://localhost:9', path: '' },
    'http://127.9.9.9:9': { origin: 'http://127.9.9.9:9', path: '' },
    'http://[::1]:9/x': { origin: 'http://[::1]:9', path: '/x' },
  }
  for (const [text, upstream] of Object.entries(cases))
    assert.deepEqual(configOf({ UPSTREAM_URL: text }).upstream, upstream)
})

test('an upstream with user info, query, fragment or another scheme is refused', () => {
  refuses('UPSTREAM_URL', ['https://user@host.example', `https://${canary}:x@host.example/p`, 'https://@host.example'])
  refuses('UPSTREAM_URL', [
    'https://host.example/?a=1',
    'https://host.example?',
    'https://host.example/#a',
    'https://host.example#',
  ])
  refuses('UPSTREAM_URL', [
    'api.stability.ai',
    'ftp://host.example',
    'ws://host.example',
    'https://',
    'https://host.example:0',
  ])
  refuses('UPSTREAM_URL', [
    ' https://host.example',
    'https://host.example/a b',
    'https://ho\nst.example',
    'https:///?x',
  ])
})

test('books are kept in a file or in PostgreSQL and nowhere else', () => {
  const database = (DATABASE_URL: string) => configOf({ DATABASE_URL }).database
  assert.deepEqual(database('sqlite:books.db'), { kind: 'sqlite', path: 'books.db' })
  assert.deepEqual(database('sqlite:/var/lib/a b.db'), { kind: 'sqlite', path: '/var/lib/a b.db' })
  for (const url of ['postgres://u:p@h/n', 'postgresql://h:5432/n?sslmode=require']) {
    assert.deepEqual(database(url), { kind: 'postgres', url })
  }
  assert.match(faultsOf({ DATABASE_URL: 'sqlite::memory:' })[0] ?? '', /^DATABASE_URL: .*memory/)
  refuses('DATABASE_URL', [
    'sqlite:',
    'sqlite: ',
    'sqlite://x.db',
    'sqlite:///x.db',
    'sqlite:data/',
    'sqlite:file:x?mode=memory',
  ])
  refuses('DATABASE_URL', [
    'mysql://h/n',
    'data/x.db',
    `postgres://u:${canary}#x@h/n`,
    'postgres://h:port/n',
    'postgres:h/n',
  ])
})

test('Redis and the trace collector are URLs of their own schemes', () => {
  assert.equal(configOf({ REDIS_URL: 'rediss://:p@h:6380/1' }).redisUrl, 'rediss://:p@h:6380/1')
  refuses('REDIS_URL', ['http://h', 'h:6379', 'redis://', 'redis:'])
  assert.equal(configOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }).otelEndpoint, 'http://c:4318')
  refuses('OTEL_EXPORTER_OTLP_ENDPOINT', ['c:4318', 'grpc://c:4317', 'http://u:p@c:4318'])
})

test('address lists hold CIDRs and single addresses that a block list takes', () => {
  const list = configOf({ ADMIN_ALLOW_IPS: '10.0.0.0/8, 192.0.2.7,fd00::/8,::1' }).adminAllowIps ?? []
  assert.deepEqual(
    list.map(({ prefix }) => prefix),
    [8, 32, 8, 128],
  )
  const allowed = new BlockList()
  for (const { address, prefix, family } of list) allowed.addSubnet(address, prefix, family)
  assert.ok(allowed.check('10.9.9.9') && allowed.check('fd12::1', 'ipv6') && !allowed.check('192.0.2.8'))
  refuses('ADMIN_ALLOW_IPS', [
    ',',
    '10.0.0.0/33',
    '10.0.0/8',
    '::1/129',
    'fe80::1%eth0',
    'localhost',
    '10.0.0.0/',
    '10.0.0.0/-1',
  ])
})

test('what TRUST_PROXY takes makes Fastify believe exactly those proxies', async () => {
  const seen = async (TRUST_PROXY: string) => {
    const app = fastify({ trustProxy: configOf({ TRUST_PROXY }).trustProxy })
    app.get('/', (request) => request.ip)
    const headers = { 'x-forwarded-for': '192.0.2.1, 10.0.0.2' }
    const reply = await app.inject({ url: '/', headers, remoteAddress: '10.0.0.1' })
    await app.close()
    return reply.body
  }
  const cases = { false: '10.0.0.1', '0': '10.0.0.1', '1': '10.0.0.2', '2': '192.0.2.1', true: '192.0.2.1' }
  const ranges = {
    '10.0.0.1': '10.0.0.2',
    '10.0.0.0/8': '192.0.2.1',
    'loopback, 10.0.0.0/31': '10.0.0.2',
    'fd00::/8': '10.0.0.1',
  }
  for (const [text, address] of Object.entries({ ...cases, ...ranges })) assert.equal(await seen(text), address, text)
  refuses('TRUST_PROXY', [
    'yes',
    'True',
    '-1',
    '33',
    '10.0.0.0/0',
    '10.0.0.0/8,',
    'proxy.example',
    '10.0.0.0/255.0.0.0',
  ])
})

test('an extra certificate authority is read at start, and must be one', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-ca-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'ca.pem')
  const [one = '', two = ''] = rootCertificates
  writeFileSync(path, `# ours\n${one}\n${two}\n`)
  assert.equal(configOf({ UPSTREAM_CA_FILE: path }).upstreamCa, `${one}\n${two}\n`)
  const broken = one.replace(/\n.{30}/, '\n')
  for (const content of ['', 'no certificate', `${one}\n${broken}`, one.replace('-----END', '')]) {
    writeFileSync(path, content)
    refuses('UPSTREAM_CA_FILE', [path])
  }
  refuses('UPSTREAM_CA_FILE', [folder, join(folder, canary)])
})

test('an operator key has at least 24 characters that a header can carry', () => {
  const key = 'a'.repeat(24)
  assert.equal(configOf({ ADMIN_KEY: key }).adminKey, key)
  refuses('ADMIN_KEY', [key.slice(1), `${key} `, `${key}\n`, `${key}é`])
  refuses('METRICS_KEY', [' ', 'a b', 'a\r\nb'])
})

test('the host is a name or an address', () => {
  for (const HOST of ['0.0.0.0', '::', '::1', 'localhost', 'gate.example']) assert.equal(configOf({ HOST }).host, HOST)
  refuses('HOST', ['[::1]', 'http://localhost', 'localhost:8080', ' ', 'a b', '-a'])
})
