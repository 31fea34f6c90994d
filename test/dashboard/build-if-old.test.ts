import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { checkout } from '../support/process.ts'

const script = 'src/dashboard/build-if-old.mjs'
const source = 'src/dashboard/pages/parts/table.tsx'
/** Stands in for the builder: counts how often it was asked, and writes the page. */
const builder = `import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
appendFileSync('builds', process.argv.slice(2).join(' ') + '\\n')
mkdirSync('dist/dashboard', { recursive: true })
writeFileSync('dist/dashboard/index.html', 'built')
`

function checkoutIn(t: TestContext, { vite = builder, built = true }: { vite?: string | null; built?: boolean } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'tollgate-build-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (path: string, text: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const path of [source, 'src/dashboard/vite.config.ts', 'package-lock.json']) write(path, '')
  copyFileSync(join(checkout, script), join(root, script))
  if (vite !== null) {
    write('node_modules/vite/package.json', '{"name": "vite", "type": "module"}')
    write('node_modules/vite/bin/vite.js', vite)
  }
  if (built) write('dist/dashboard/index.html', 'built')
  const run = () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, script)], { cwd: root, encoding: 'utf8' })
    return { status, stderr }
  }
  const builds = () =>
    existsSync(join(root, 'builds')) ? readFileSync(join(root, 'builds'), 'utf8').split('\n').length - 1 : 0
  const later = (path: string) => {
    const seconds = Date.now() / 1000 + 60
    utimesSync(join(root, path), seconds, seconds)
  }
  return { root, run, builds, later }
}

test('pages that are missing are built, and built pages are left alone without a word', (t) => {
  const { run, builds, later } = checkoutIn(t, { built: false })
  assert.equal(run().status, 0)
  assert.equal(builds(), 1)
  later('dist/dashboard/index.html')
  assert.deepEqual(run(), { status: 0, stderr: '' })
  assert.equal(builds(), 1)
})

for (const path of [source, dirname(source), 'src/dashboard/vite.config.ts', 'package-lock.json']) {
  test(`pages older than ${path} are built anew`, (t) => {
    const { run, builds, later } = checkoutIn(t)
    later(path)
    assert.equal(run().status, 0)
    assert.equal(builds(), 1)
  })
}

test('a file that was removed makes the pages old', (t) => {
  const { root, run, builds, later } = checkoutIn(t)
  rmSync(join(root, source))
  later(dirname(source))
  run()
  assert.equal(builds(), 1)
})

test('an install without the builder is served the pages that came with it, however old they look', (t) => {
  const { run, later } = checkoutIn(t, { vite: null })
  later(source)
  assert.deepEqual(run(), { status: 0, stderr: '' })
})

test('an install without the builder and without pages starts all the same, and says what is missing', (t) => {
  const { status, stderr } = checkoutIn(t, { vite: null, built: false }).run()
  assert.equal(status, 0)
  assert.match(stderr, /^The dashboard is not built: .* npm run build does it\.\n$/)
})

test('a build that fails stops the start', (t) => {
  const { run } = checkoutIn(t, { vite: 'process.exit(3)', built: false })
  assert.equal(run().status, 3)
})
