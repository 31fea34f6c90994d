import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig, settings } from '../../src/config.ts'
import { checkout } from '../support/process.ts'
import { bytesOf, defaultMs, longestCallMs, msOf, textOf } from './files.ts'

type Service = Readonly<{
  image: string
  build?: Readonly<{ context: string; dockerfile: string }>
  environment?: Readonly<Record<string, string>>
  secrets?: readonly string[]
  volumes?: readonly string[]
  ports?: readonly string[]
  networks?: readonly string[]
  tmpfs?: readonly string[]
  init?: boolean
  read_only?: boolean
  user?: string
  cap_drop: readonly string[]
  security_opt: readonly string[]
  mem_limit: string
  stop_grace_period: string
  stop_signal?: string
  restart: string
  logging: Readonly<{ options: Readonly<Record<string, string>> }>
  healthcheck?: Readonly<{ test: readonly string[] }>
  depends_on?: Readonly<Record<string, Readonly<{ condition: string }>>>
}>

type Compose = Readonly<{
  services: Readonly<Record<string, Service>>
  volumes: Readonly<Record<string, unknown>>
  secrets: Readonly<Record<string, Readonly<{ file: string }>>>
  networks?: Readonly<Record<string, Readonly<{ internal?: boolean }> | null>>
}>

function composeOf(path: string): Compose {
  return parse(textOf(path), { merge: true })
}

const one = composeOf('docker/compose.yaml')
const scale = composeOf('docker/compose.scale.yaml')
const balancer = textOf('docker/haproxy.cfg')

function houses({ services }: Compose): [string, Service][] {
  return Object.entries(services).filter(([, { image }]) => image.startsWith('tollgate:'))
}

for (const [file, compose] of Object.entries({ 'compose.yaml': one, 'compose.scale.yaml': scale })) {
  test(`${file}: every container is bounded, cannot gain rights, and is stopped in its own time`, () => {
    for (const [name, service] of Object.entries(compose.services)) {
      assert.deepEqual(service.cap_drop, ['ALL'], name)
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name)
      assert.ok(bytesOf(service.mem_limit) > 0, name)
      assert.ok(msOf(service.stop_grace_period) > 0, name)
      assert.equal(service.restart, 'unless-stopped', name)
      assert.ok(service.logging.options['max-size'] && service.logging.options['max-file'], name)
      assert.doesNotMatch(service.image, /:latest$|^[^:]+$/, name)
    }
  })

  test(`${file}: the gateway writes nowhere but to its volume, as a user without rights`, () => {
    for (const [name, service] of houses(compose)) {
      assert.equal(service.read_only, true, name)
      assert.equal(service.init, true, name)
      assert.equal(service.user, '1000:1000', name)
      assert.ok(service.tmpfs?.every((mount) => mount.startsWith('/tmp:') && mount.includes('noexec')))
      assert.ok((service.volumes ?? []).every((volume) => volume === 'data:/app/data'))
      assert.deepEqual(service.build, { context: '..', dockerfile: 'docker/Dockerfile' })
    }
  })

  test(`${file}: the gateway has longer to stop than calls in flight may take`, () => {
    for (const [, { stop_grace_period, environment }] of houses(compose)) {
      const graceMs = Number(environment?.['SHUTDOWN_GRACE_MS'])
      assert.equal(graceMs, defaultMs('shutdownGraceMs'))
      assert.ok(msOf(stop_grace_period) >= graceMs + 10_000)
    }
  })

  test(`${file}: the memory has room for all bytes in flight and as much again`, () => {
    for (const [, { mem_limit, environment }] of houses(compose)) {
      const inFlight = Number(environment?.['BYTES_IN_FLIGHT_LIMIT'])
      assert.equal(inFlight, Number(settings.bytesInFlightLimit.fallback))
      assert.ok(bytesOf(mem_limit) >= 2 * inFlight + 2 ** 28)
    }
  })

  test(`${file}: each secret is a file, is declared, and reaches the setting that reads it`, () => {
    const text = textOf(`docker/${file}`)
    assert.doesNotMatch(text, /sk-|tg_admin_|password@/)
    for (const [name, { secrets = [], environment = {} }] of Object.entries(compose.services)) {
      for (const secret of secrets) assert.ok(compose.secrets[secret], `${name}: ${secret}`)
      for (const [setting, value] of Object.entries(environment)) {
        if (!setting.endsWith('_FILE')) continue
        assert.ok(secrets.includes(value.replace('/run/secrets/', '')), `${name}: ${setting}`)
      }
    }
    for (const [name, { file: path }] of Object.entries(compose.secrets)) assert.equal(path, `secrets/${name}`)
  })

  test(`${file}: the settings of the gateway can be read, each by its right name`, () => {
    for (const [, { environment = {} }] of houses(compose)) {
      const read = (path: string) =>
        path.endsWith('database_url') ? 'postgres://t:p@postgres/t' : `${secretFor(path)}`
      const { warnings, config } = loadConfig({ ...environment, HOST: '0.0.0.0' }, read)
      assert.deepEqual(warnings, [])
      assert.equal(config.upstreamTokens.length, 1)
      const known = Object.values(settings).flatMap(({ env, secret }) => [env, ...(secret ? [`${env}_FILE`] : [])])
      for (const name of Object.keys(environment)) assert.ok(known.includes(name), name)
    }
  })
}

function secretFor(path: string): string {
  return path.endsWith('redis_url') ? 'redis://:p@redis:6379' : 'sk-0f3a9c2e5b8d1406a1b27c'
}

test('compose.yaml: one container, reached from this machine only, its ledger on a volume', () => {
  assert.deepEqual(Object.keys(one.services), ['tollgate'])
  assert.deepEqual(one.services['tollgate']?.ports, ['127.0.0.1:8080:8080'])
  assert.deepEqual(one.services['tollgate']?.volumes, ['data:/app/data'])
  assert.ok('data' in one.volumes)
})

test('compose.scale.yaml: only the load balancer is published, and database and Redis have no way out', () => {
  const published = Object.entries(scale.services).filter(([, { ports }]) => ports !== undefined)
  assert.deepEqual(
    published.map(([name, { ports }]) => [name, ports]),
    [['balancer', ['443:8443']]],
  )
  assert.equal(scale.networks?.['inside']?.internal, true)
  assert.deepEqual(scale.services['postgres']?.networks, ['inside'])
  assert.deepEqual(scale.services['redis']?.networks, ['inside'])
  assert.deepEqual(scale.services['balancer']?.networks, ['outside'])
})

test('compose.scale.yaml: two replicas alike, behind one that waits until they are ready', () => {
  const [first, second, ...more] = houses(scale)
  assert.deepEqual(more, [])
  assert.deepEqual(first?.[1], second?.[1])
  assert.deepEqual(first?.[1].healthcheck?.test.slice(1), ['node', 'docker/check-health.mjs', '/ready'])
  const waits = Object.entries(scale.services['balancer']?.depends_on ?? {})
  assert.deepEqual(
    waits.map(([name, { condition }]) => `${name} ${condition}`),
    houses(scale).map(([name]) => `${name} service_healthy`),
  )
  for (const { healthcheck, image } of Object.values(scale.services)) {
    assert.ok(healthcheck || image.startsWith('tollgate:'), image)
  }
  // The one hop that is believed is the balancer.
  assert.equal(first?.[1].environment?.['TRUST_PROXY'], '1')
})

function balancerTime(name: string): number {
  return msOf(new RegExp(`^  ${name} (\\S+)$`, 'm').exec(balancer)?.[1])
}

test('the load balancer waits longer than the longest call, and longer than that when it is stopped', () => {
  assert.ok(balancerTime('timeout server') > longestCallMs)
  assert.ok(balancerTime('hard-stop-after') >= balancerTime('timeout server'))
  assert.ok(msOf(scale.services['balancer']?.stop_grace_period) > balancerTime('hard-stop-after'))
  assert.equal(scale.services['balancer']?.stop_signal, 'SIGUSR1')
})

test('the load balancer gives callers more time than the gateway, whose answer they should get', () => {
  assert.ok(balancerTime('timeout client') > defaultMs('requestTimeoutMs'))
  assert.ok(balancerTime('timeout http-request') > defaultMs('requestTimeoutMs') / 3)
})

test('the load balancer sends no call twice', () => {
  assert.match(balancer, /^ {2}retries 0$/m)
  assert.match(balancer, /^ {2}no option redispatch$/m)
  assert.doesNotMatch(balancer, /retry-on|option http-buffer-request/)
})

test('the load balancer asks /ready of every replica and believes no address that a caller claims', () => {
  assert.match(balancer, /^ {2}http-check send meth GET uri \/ready /m)
  assert.match(balancer, /^ {2}default-server check inter 1s fall 1 /m)
  const servers = [...balancer.matchAll(/^ {2}server (\S+) (\S+):8080$/gm)].map(([, name, host]) => [name, host])
  assert.deepEqual(
    servers,
    houses(scale).map(([name]) => [name, name]),
  )
  assert.match(balancer, /http-request set-header x-forwarded-for %\[src\]/)
  assert.match(balancer, /^ {2}bind :8443 ssl crt \/run\/secrets\/tls\.pem /m)
  assert.match(balancer, /ssl-min-ver TLSv1\.2/)
})

test('secrets.sh makes every secret but the certificate once, in a folder for its owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-secrets-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'docker/secrets'), { recursive: true })
  cpSync(join(checkout, 'docker/secrets.sh'), join(folder, 'docker/secrets.sh'))
  const run = (input: string) => spawnSync('sh', [join(folder, 'docker/secrets.sh')], { input, encoding: 'utf8' })
  const secret = (name: string) => readFileSync(join(folder, 'docker/secrets', name), 'utf8').trimEnd()
  assert.equal(run('').status, 1)
  assert.equal(run('sk-0f3a9c2e5b8d1406a1b27c\n').status, 0)
  const made = Object.keys({ ...one.secrets, ...scale.secrets }).filter((name) => name !== 'tls.pem')
  const before = made.map(secret)
  assert.equal(statSync(join(folder, 'docker/secrets')).mode & 0o777, 0o700)
  assert.equal(run('sk-another').status, 0)
  assert.deepEqual(made.map(secret), before)
  assert.equal(secret('database_url'), `postgres://tollgate:${secret('postgres_password')}@postgres:5432/tollgate`)
  assert.ok(secret('redis_conf').endsWith(secret('redis_url').slice('redis://:'.length, -'@redis:6379'.length)))
  assert.equal(
    loadConfig({ UPSTREAM_TOKENS: secret('upstream_tokens'), ADMIN_KEY: secret('admin_key') }).sandboxMode,
    false,
  )
})
