import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validate } from 'dockerfile-utils'
import packageLock from '../../package-lock.json' with { type: 'json' }
import { settings } from '../../src/config.ts'
import { allOf, stagesOf, textOf } from './files.ts'

const text = textOf('docker/Dockerfile')
const stages = stagesOf(text)
const [pages, packages] = stages
const image = stages.at(-1)

test('the Dockerfile has nothing that a linter would name', () => {
  assert.deepEqual(
    validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    [],
  )
})

test('the linter sees what is wrong', () => {
  assert.ok(validate('FORM node\nEXPOSE none\nHEALTHCHECK --nothing CMD true\n').length > 0)
})

test('every stage is the same official slim Node, of the very version the tests run on', () => {
  const [, version = ''] = /^ARG NODE_IMAGE=node:(\d+\.\d+\.\d+)-\w+-slim$/m.exec(text) ?? []
  assert.equal(version, packageLock.packages['node_modules/node'].version)
  assert.equal(`v${version}`, process.version)
  assert.equal(stages.length, 3)
  for (const stage of stages) assert.match(allOf(stage, 'FROM').join(), /^\$\{NODE_IMAGE\}( AS \w+)?$/)
})

test('the last stage has production packages, built pages and source, and runs nothing of npm', () => {
  assert.deepEqual(allOf(packages, 'RUN'), ['npm ci --omit=dev --ignore-scripts --no-audit --no-fund'])
  assert.ok(allOf(pages, 'RUN').includes('npm run build'))
  const copied = (image?.instructions ?? []).filter(({ name }) => name === 'COPY')
  assert.deepEqual(
    copied.map(({ flags, rest }) => [flags['from'] ?? 'context', rest]),
    [
      ['packages', '/app/node_modules node_modules'],
      ['pages', '/app/dist dist'],
      ['context', 'LICENSE package.json ./'],
      ['context', 'docker/check-health.mjs docker/'],
      ['context', 'src src'],
    ],
  )
  assert.doesNotMatch(allOf(image, 'RUN').join('\n'), /npm (ci|install|run)|apt-get|curl/)
  assert.match(allOf(image, 'RUN').join('\n'), /rm -rf \/usr\/local\/lib\/node_modules/)
})

test('the image runs node itself, as nobody of importance, and listens where the container is reached', () => {
  assert.deepEqual(allOf(image, 'USER'), ['1000:1000'])
  assert.deepEqual(allOf(image, 'CMD'), ['["node", "src/server.ts"]'])
  assert.deepEqual(allOf(image, 'ENTRYPOINT'), [])
  assert.match(allOf(image, 'ENV').join(' '), /\bHOST=0\.0\.0\.0\b/)
  assert.match(allOf(image, 'ENV').join(' '), new RegExp(`\\bPORT=${settings.port.fallback}\\b`))
  assert.deepEqual(allOf(image, 'EXPOSE'), [settings.port.fallback])
  assert.deepEqual(allOf(image, 'STOPSIGNAL'), ['SIGTERM'])
  // A setting that stood here could not come from a file any more: given twice, it stops the start.
  assert.doesNotMatch(text, /UPSTREAM_TOKENS|ADMIN_KEY|METRICS_KEY|DATABASE_URL|REDIS_URL/)
})

test('the health check needs no shell', () => {
  assert.deepEqual(allOf(image, 'HEALTHCHECK'), ['CMD ["node", "docker/check-health.mjs"]'])
})

test('the ledger by its default name is on the volume, which only its owner can enter', () => {
  assert.deepEqual(allOf(image, 'WORKDIR'), ['/app'])
  assert.deepEqual(allOf(image, 'VOLUME'), ['/app/data'])
  assert.equal(settings.database.fallback, 'sqlite:data/tollgate.db')
  assert.match(allOf(image, 'RUN').join('\n'), /install -d -m 0700 -o 1000 -g 1000 \/app\/data/)
})

test('what is sent to the builder is a list, and no secret, ledger or setting is on it', () => {
  const lines = textOf('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  assert.equal(lines[0], '*')
  assert.ok(lines.slice(1).every((line) => /^![\w./-]+$/.test(line)))
  const sent = lines.slice(1).map((line) => line.slice(1))
  for (const stage of stages) {
    for (const { name, flags, rest } of stage.instructions) {
      if (name !== 'COPY' || flags['from'] !== undefined) continue
      for (const path of rest.split(' ').slice(0, -1)) assert.ok(sent.includes(path), path)
    }
  }
  assert.doesNotMatch(sent.join('\n'), /secret|data|\.env|\.git|node_modules/)
})
