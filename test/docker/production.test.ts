import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent } from 'undici'
import packageJson from '../../package.json' with { type: 'json' }
import { openClient } from '../support/client.ts'
import { adminKey } from '../support/house.ts'
import { checkout, openPlace } from '../support/process.ts'
import { allOf, stagesOf, textOf } from './files.ts'
import { buildImage } from './image.ts'

const image = stagesOf(textOf('docker/Dockerfile')).at(-1)
const wordsOf = (name: string): string[] => JSON.parse(/\[.*\]/.exec(allOf(image, name)[0] ?? '')?.[0] ?? '[]')

test("the image's own steps end in a house that serves a paid call, read-only and as nobody, and stops in order", async (t) => {
  const place = openPlace(t)
  const { app, command, tree } = buildImage(t)
  assert.ok(!existsSync(join(app, 'node_modules/vite')) && !existsSync(join(app, 'node_modules/typescript')))
  assert.ok(existsSync(join(app, 'dist/dashboard/index.html')))
  const before = tree()

  const sandbox = place.begin({ cwd: app, command: command('node', 'src/cli/tollgate.mjs', 'sandbox', '--port', '0') })
  const [, upstream = ''] = await sandbox.until(/(http:\/\/127\.0\.0\.1:\d+)/)
  const env = {
    ...{ DATABASE_URL: '', NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '0', ADMIN_KEY: adminKey },
    ...{ UPSTREAM_URL: upstream, UPSTREAM_TOKENS: 'sk-any-sandbox-token-will-do' },
  }
  const house = place.begin({ cwd: app, env, command: command(...wordsOf('CMD')) })
  const [, port = ''] = await house.until(/"address":"http:\/\/0\.0\.0\.0:(\d+)","msg":"listening"/)
  assert.equal(statSync(`/proc/${house.pid}`).uid, process.getuid?.() === 0 ? 65_534 : process.getuid?.())

  const asked = { cwd: app, env: { ...env, PORT: port } }
  const check = wordsOf('HEALTHCHECK')
  assert.equal((await place.run({ ...asked, command: command(...check) })).code, 0)
  assert.equal((await place.run({ ...asked, command: command(...check, '/ready') })).code, 0)
  assert.equal((await place.run({ ...asked, command: command(...check, '/nowhere') })).code, 1)

  const agent = new Agent()
  t.after(() => agent.destroy())
  const client = openClient(`http://127.0.0.1:${port}`, agent)
  const ask = async (path: string, body: unknown) =>
    (await client.json('POST', `/admin/v1${path}`, body, { authorization: `Bearer ${adminKey}` })).json()
  const account = await ask('/accounts', { name: 'image', credits: 10 })
  const { secret } = await ask(`/accounts/${account['id']}/keys`, { name: 'image' })
  const reply = await client.call(String(secret), { prompt: 'A lighthouse at dawn' })
  assert.equal(reply.status, 200)
  assert.equal(reply.headers['x-credits-charged'], '3')
  assert.equal(reply.headers['x-credits-available'], '7')
  assert.equal(reply.body.toString('latin1', 1, 4), 'PNG')

  const tool = (...words: string[]) =>
    place.run({ ...asked, command: command('node', 'src/cli/tollgate.mjs', ...words) })
  const backup = await tool('backup', 'data/backup.db')
  assert.equal(backup.code, 0, backup.stderr)
  assert.match(backup.stdout, /The books balance: 1 accounts, 7 credits posted, 0 held by 0 calls\./)
  const doctor = await tool('doctor')
  assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr)

  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal((await place.run({ ...asked, command: command(...check) })).code, 1)
  sandbox.kill('SIGTERM')
  await sandbox.ended
  assert.deepEqual(tree(), before)
  assert.equal(house.stderr() + sandbox.stderr(), '')
})

test('nothing that runs in production imports a package that only developers have', () => {
  const files = globSync('src/**/*.{ts,mjs}', {
    cwd: checkout,
    exclude: ['src/dashboard/{pages/**,vite.config.ts,build-if-old.mjs}'],
  })
  const imports = files.flatMap((file) => {
    const text = readFileSync(join(checkout, file), 'utf8')
    const found = [...text.matchAll(/^import\s+(?!type\b)(?:[\w*{}\s,]*?from\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\)/gm)]
    return found.map(([, still, late]) => ({ file, name: still ?? late ?? '' }))
  })
  const packages = imports.filter(({ name }) => !/^(\.|node:)/.test(name))
  assert.ok(packages.some(({ name }) => name === 'fastify') && packages.some(({ name }) => name === '@redis/client'))
  const known = Object.keys(packageJson.dependencies)
  const strange = packages.filter(({ name }) => !known.some((each) => name === each || name.startsWith(`${each}/`)))
  assert.deepEqual(strange, [])
})

test('the packages of production fit each other, so that a bill of materials can be made of them', () => {
  const words = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--omit', 'dev']
  const { status, stdout, stderr } = spawnSync('npm', words, { cwd: checkout, encoding: 'utf8', maxBuffer: 2 ** 26 })
  assert.equal(status, 0, stderr)
  const names: string[] = JSON.parse(stdout).components.map(({ name }: { name: string }) => name)
  assert.ok(names.includes('fastify') && names.includes('undici'))
  assert.ok(!names.includes('vite') && !names.includes('typescript'))
})
