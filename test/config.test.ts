import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { ConfigFault, type Environment, loadConfig, settings } from '../src/config.ts'
import { canary, configOf, faultsOf, refuses } from './support/settings.ts'

test('without any setting the house starts on loopback with SQLite, in sandbox mode and without a warning', () => {
  const { config, warnings, sandboxMode } = loadConfig({})
  assert.deepEqual(warnings, [])
  assert.equal(sandboxMode, true)
  assert.deepEqual(config, {
    host: '127.0.0.1',
    port: 8080,
    database: { kind: 'sqlite', path: 'data/tollgate.db' },
    redisUrl: undefined,
    upstream: { origin: 'https://api.stability.ai', path: '' },
    upstreamTokens: [],
    upstreamConnectTimeoutMs: 5000,
    upstreamHeadersTimeoutMs: 120_000,
    upstreamBodyTimeoutMs: 30_000,
    upstreamDeadlineMs: 180_000,
    upstreamPace: { calls: 140, windowMs: 10_000 },
    upstreamTokenConcurrency: 0,
    upstreamAllowHttp: false,
    queueWaitMs: 30_000,
    queueLimit: 1000,
    upstreamCa: undefined,
    adminKey: undefined,
    rateLimit: { calls: 60, windowMs: 60_000 },
    bodyLimitBytes: 10_485_760,
    answerLimitBytes: 33_554_432,
    requestTimeoutMs: 30_000,
    bytesInFlightLimit: 536_870_912,
    chargeFiltered: true,
    replayTtlMs: 86_400_000,
    replayLimitBytes: 1_073_741_824,
    shutdownGraceMs: 195_000,
    trustProxy: false,
    logLevel: 'info',
    metricsKey: undefined,
    adminAllowIps: undefined,
    retainCallsDays: 400,
    webhookAllowPrivate: false,
    otelEndpoint: undefined,
  })
})

test('an empty text counts as not given, for every setting and every secret file', () => {
  const names = Object.values(settings).flatMap(({ env }) => [env, `${env}_FILE`])
  const empty = Object.fromEntries(names.map((name) => [name, '']))
  assert.deepEqual(loadConfig(empty), loadConfig({}))
})

test('what was loaded cannot be changed, down to the last list', () => {
  const config = configOf({ UPSTREAM_TOKENS: canary, ADMIN_ALLOW_IPS: '10.0.0.0/8' })
  const parts = [config, config.upstream, config.database, config.rateLimit, config.upstreamTokens]
  const items = [config.upstreamTokens[0], config.adminAllowIps, config.adminAllowIps?.[0]]
  for (const part of [...parts, ...items]) assert.ok(part && Object.isFrozen(part))
})

test('the example file has every setting with its default and meaning, and nothing else', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
  const listed = [...text.matchAll(/^# (.+)\n# ([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, about, env, value]) => [
    env,
    value,
    about,
  ])
  const declared = Object.values(settings).map(({ env, fallback, about }) => [env, fallback ?? '', about])
  assert.deepEqual(listed, declared)
  assert.deepEqual(Object.keys(parseEnv(text)), [], 'every line is commented out')
  assert.deepEqual(loadConfig(parseEnv(text.replace(/^# (?=[A-Z][A-Z0-9_]*=)/gm, ''))), loadConfig({}))
})

test('every fault is reported at once, each line naming its setting, and no value is echoed', () => {
  const wrong = Object.fromEntries(Object.values(settings).map(({ env }) => [env, ` ${canary}\r\n\u00e9 `]))
  const faults = faultsOf({ ...wrong, UPSTREAM_TOKEN: canary, NODE_TLS_REJECT_UNAUTHORIZED: '0' })
  for (const name of [...Object.keys(wrong), 'UPSTREAM_TOKEN', 'NODE_TLS_REJECT_UNAUTHORIZED']) {
    assert.equal(faults.filter((fault) => fault.startsWith(`${name}: `)).length, 1, name)
  }
  const thrown = new ConfigFault(faults)
  assert.ok(!`${thrown.stack}${JSON.stringify(thrown)}`.includes('CANARY'))
})

test('a secret comes from the file that NAME_FILE names, without the trailing newline', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-config-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const put = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const { config, sandboxMode } = loadConfig({
    UPSTREAM_TOKENS_FILE: put('tokens', `${canary}@3\n`),
    ADMIN_KEY_FILE: put('admin', 'an-admin-key-of-some-length\r\n'),
    METRICS_KEY_FILE: put('metrics', 'metrics'),
    DATABASE_URL_FILE: put('database', 'postgres://house:secret@db/tollgate\n'),
    REDIS_URL_FILE: put('redis', 'redis://:secret@cache:6379\n'),
  })
  assert.deepEqual(config.upstreamTokens, [{ value: canary, weight: 3 }])
  assert.equal(config.adminKey, 'an-admin-key-of-some-length')
  assert.equal(config.metricsKey, 'metrics')
  assert.deepEqual(config.database, { kind: 'postgres', url: 'postgres://house:secret@db/tollgate' })
  assert.equal(config.redisUrl, 'redis://:secret@cache:6379')
  assert.equal(sandboxMode, false)
})

test('a secret given twice, in an empty file or in no file stops the start', () => {
  const both = { UPSTREAM_TOKENS: canary, UPSTREAM_TOKENS_FILE: '/run/tokens' }
  assert.deepEqual(
    faultsOf(both, () => canary),
    ['UPSTREAM_TOKENS_FILE: must not be given together with UPSTREAM_TOKENS.'],
  )
  assert.deepEqual(
    faultsOf({ METRICS_KEY_FILE: '/run/key' }, () => '\n'),
    ['METRICS_KEY_FILE: names an empty file.'],
  )
  // A secret put where a path belongs must not come back in the fault either.
  const [missing = ''] = faultsOf({ ADMIN_KEY_FILE: `/nowhere/${canary}` })
  assert.match(missing, /^ADMIN_KEY_FILE: names a file that cannot be read \(ENOENT\)\.$/)
  assert.deepEqual(
    faultsOf({ UPSTREAM_TOKENS_FILE: '/run/tokens' }, () => `${canary}\n${canary}2\n`),
    ['UPSTREAM_TOKENS_FILE: token 1 has a character that is not visible ASCII.'],
  )
})

test('plain http goes to loopback only, unless the operator allows it and is warned', () => {
  const open = [
    'http://api.stability.ai',
    'http://10.0.0.1',
    'http://0.0.0.0:9',
    'http://localhost.example',
    'http://a.localhost',
  ]
  refuses('UPSTREAM_URL', open)
  refuses('UPSTREAM_URL', ['http://[::ffff:10.0.0.1]', 'http://127.0.0.1.example'])
  const { config, warnings } = loadConfig({ UPSTREAM_URL: 'http://10.0.0.1/sd', UPSTREAM_ALLOW_HTTP: 'true' })
  assert.equal(config.upstream.origin, 'http://10.0.0.1')
  assert.deepEqual(
    warnings.map((warning) => warning.split(':')[0]),
    ['UPSTREAM_ALLOW_HTTP'],
  )
})

test('an upstream that is this server itself is refused, and its neighbours are not', () => {
  const own = ['http://127.0.0.1:8080', 'http://localhost:8080/sd', 'https://127.1:8080', 'http://LOCALHOST.:8080']
  refuses('UPSTREAM_URL', own)
  refuses('UPSTREAM_URL', [...own, 'http://[::1]:8080', 'http://127.0.0.2:8080'], { HOST: '0.0.0.0' })
  refuses('UPSTREAM_URL', [...own, 'http://[::1]:8080'], { HOST: 'localhost' })
  refuses('UPSTREAM_URL', ['https://gate.example'], { HOST: 'Gate.Example', PORT: '443' })
  for (const UPSTREAM_URL of [
    'http://127.0.0.1:8081',
    'http://127.0.0.2:8080',
    'http://[::1]:8080',
    'https://gate.example:8080',
  ]) {
    assert.deepEqual(faultsOf({ UPSTREAM_URL }), [], UPSTREAM_URL)
  }
  assert.deepEqual(faultsOf({ UPSTREAM_URL: 'http://127.0.0.1:8080', PORT: '0' }), [])
})

test('time limits that could never apply are refused, wherever the order is broken', () => {
  const faults = faultsOf({
    UPSTREAM_CONNECT_TIMEOUT_MS: '900',
    UPSTREAM_HEADERS_TIMEOUT_MS: '900',
    UPSTREAM_BODY_TIMEOUT_MS: '900',
    UPSTREAM_DEADLINE_MS: '900',
  })
  assert.deepEqual(faults, [
    'UPSTREAM_CONNECT_TIMEOUT_MS: must be less than UPSTREAM_HEADERS_TIMEOUT_MS.',
    'UPSTREAM_HEADERS_TIMEOUT_MS: must be less than UPSTREAM_DEADLINE_MS.',
    'UPSTREAM_BODY_TIMEOUT_MS: must be less than UPSTREAM_DEADLINE_MS.',
  ])
})

test('room for bytes that the largest body could never have is refused', () => {
  refuses('BYTES_IN_FLIGHT_LIMIT', ['999'], { BODY_LIMIT_BYTES: '1000' })
  assert.deepEqual(faultsOf({ BYTES_IN_FLIGHT_LIMIT: '1000', BODY_LIMIT_BYTES: '1000' }), [])
})

test('a mistyped upstream setting is refused, with the name that was meant if one is near', () => {
  assert.deepEqual(
    faultsOf({ UPSTREAM_TOKEN: canary, UPSTREAM_PACEE: '1/1s', UPSTREAM_SECRET_FILE: '/x', UPSTREAMS: '1' }),
    [
      'UPSTREAM_TOKEN: is no setting; did you mean UPSTREAM_TOKENS?',
      'UPSTREAM_PACEE: is no setting; did you mean UPSTREAM_PACE?',
      'UPSTREAM_SECRET_FILE: is no setting.',
    ],
  )
  refuses('UPSTREAM_URL_FILE', ['/run/url'])
})

test('TLS verification cannot be turned off through the environment', () => {
  refuses('NODE_TLS_REJECT_UNAUTHORIZED', ['0'])
  assert.deepEqual(faultsOf({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }), [])
})

test('what is allowed but probably not meant is a warning', () => {
  const warned = (env: Environment) => loadConfig(env).warnings.map((warning) => warning.split(':')[0])
  assert.deepEqual(warned({ SHUTDOWN_GRACE_MS: '190000' }), [])
  assert.deepEqual(warned({ SHUTDOWN_GRACE_MS: '189999' }), ['SHUTDOWN_GRACE_MS'])
  assert.deepEqual(warned({ REDIS_URL: 'redis://h' }), ['DATABASE_URL'])
  assert.deepEqual(warned({ DATABASE_URL: 'postgres://h/n' }), ['REDIS_URL'])
  assert.deepEqual(warned({ DATABASE_URL: 'postgres://h/n', REDIS_URL: 'redis://h' }), [])
  assert.deepEqual(warned({ TRUST_PROXY: 'true' }), ['TRUST_PROXY'])
})
