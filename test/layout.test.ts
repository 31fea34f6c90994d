import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { test } from 'node:test'

const root = new URL('../', import.meta.url)

/** Top to bottom. A name is a room: a folder in src, or a file there. */
const floors: readonly (readonly string[])[] = [
  ['cli'],
  ['server'],
  ['house'],
  ['app', 'first-start', 'waiting-room'],
  ['gateway', 'portal', 'admin', 'dashboard', 'docs', 'scrape', 'chores'],
  ['catalog'],
  ['accounts', 'keys', 'limits', 'ledger', 'replays', 'upstream', 'audit', 'operators', 'sessions', 'webhooks'],
  ['store', 'dashboard/pages'],
]

/** Code for browsers: it stands on the ground alone, and no code of the server may import it. */
const pages = 'dashboard/pages'

type Reference = { how: 'import' | 'export' | 'url' | 'unreadable'; target: string }

/** Paths are from `src/`. The ground floor is one room: its files may know each other and nothing above them. */
function roomOf(path: string): string {
  if (path.startsWith(`${pages}/`)) return pages
  const name = path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\..*$/, '')
  return path.includes('/') || floors.flat().includes(name) ? name : 'ground'
}

/** 0 is the roof. A file right in `src/` is on the ground unless a floor names it; an unlisted folder is nowhere. */
function floorOf(path: string): number | undefined {
  const floor = floors.findIndex((rooms) => rooms.includes(roomOf(path)))
  if (floor !== -1) return floor
  return path.includes('/') ? undefined : floors.length
}

/** What is wrong with one file's reference to another, or undefined. */
function wrongness(from: string, { how, target }: Reference): string | undefined {
  if (how === 'unreadable') return `${from} has an import that is no plain text: ${target}`
  if (how === 'export') return `${from} re-exports ${target}`
  const to = join(dirname(from), target)
  if (to === '../package.json') return undefined
  if (to.startsWith('../')) return `${from} leaves src with ${target}`
  const [here, there] = [floorOf(from), floorOf(to)]
  if (here === undefined) return `${from} is on no floor`
  if (there === undefined) return `${from} imports ${target}, which is on no floor`
  if (roomOf(from) === roomOf(to)) return undefined
  if (roomOf(to) === pages) return `${from} imports code for browsers: ${target}`
  if (there > here) return undefined
  return `${from} imports ${there === here ? 'sideways' : 'up'}: ${target}`
}

const quoted = String.raw`(['"\`])((?:(?!\1)[^\\\n])*)\1`
const patterns: readonly [Reference['how'], RegExp][] = [
  ['import', new RegExp(String.raw`^\s*import\s*(?:[\w$*{}\s,]+?\bfrom\s*)?${quoted}`, 'gm')],
  [
    'export',
    new RegExp(String.raw`^\s*export\s+(?:type\s*)?(?:\*(?:\s*as\s+\w+)?|\{[^}]*\})\s*from\s*${quoted}`, 'gm'),
  ],
  ['import', new RegExp(String.raw`\b(?:import(?:\.meta\.resolve)?|require(?:\.resolve)?)\s*\(\s*${quoted}`, 'g')],
  ['url', new RegExp(String.raw`\bnew\s+URL\s*\(\s*${quoted}\s*,\s*import\.meta\.url`, 'g')],
  ['unreadable', /\bimport\s*\(\s*((?!['"`\s])[^\n]*|`[^`]*\$\{[^`]*`)/g],
]

function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*.*?\*\//gms, '').replace(/(^|\s)\/\/.*$/gm, '')
}

/** Every reference to a file of ours; packages and files that are no code are left out. */
function referencesIn(text: string): Reference[] {
  const found = patterns.flatMap(([how, pattern]) =>
    [...withoutComments(text).matchAll(pattern)].map((match) => ({ how, target: match[2] ?? match[1] ?? '' })),
  )
  return found.filter(({ how, target }) => {
    if (how === 'unreadable' || how === 'export') return true
    return /^\.{1,2}(\/|$)/.test(target) && (how === 'import' || /\.[cm]?[jt]sx?$/.test(target))
  })
}

const environment =
  /\bprocess\s*(\?\.|\.)\s*env\b|\bprocess\s*\[|\{[^}]*\benv\b[^}]*\}\s*(=\s*process\b|from\s*['"](node:)?process['"])/

function readsEnvironment(text: string): boolean {
  return environment.test(withoutComments(text))
}

function maySay(path: string): boolean {
  return path.startsWith('upstream/') || /^config[-.]/.test(path) || path === 'house.ts'
}

function sources(folder: 'src' | 'test'): { path: string; text: string }[] {
  const cwd = new URL(`${folder}/`, root)
  const paths = globSync('**/*.{ts,tsx,mts,cts,mjs,cjs,js,jsx}', { cwd, exclude: ['**/node_modules/**'] })
  return paths.map((path) => ({ path, text: readFileSync(new URL(`${folder}/${path}`, root), 'utf8') }))
}

test('every import points down or stays in its room, and nothing is exported a second time', () => {
  const references = sources('src').flatMap(({ path, text }) => referencesIn(text).map((each) => ({ path, each })))
  assert.ok(references.length > 2, 'the imports of this tree were found')
  assert.deepEqual(
    references.flatMap(({ path, each }) => wrongness(path, each) ?? []),
    [],
  )
})

test('every file is on a floor', () => {
  assert.deepEqual(
    sources('src')
      .filter(({ path }) => floorOf(path) === undefined)
      .map(({ path }) => path),
    [],
  )
})

test('no file is named index', () => {
  const paths = [...sources('src'), ...sources('test')].map(({ path }) => path)
  assert.deepEqual(
    paths.filter((path) => /(^|\/)index\.\w+$/.test(path)),
    [],
  )
})

test('only the server and the command line read the environment', () => {
  // In a browser there is none to read; the pages only show people how their own programs do it.
  const readers = sources('src').filter(({ path, text }) => !path.startsWith(`${pages}/`) && readsEnvironment(text))
  assert.deepEqual(
    readers.map(({ path }) => path).filter((path) => !['server.ts', 'cli/main.ts'].includes(path)),
    [],
  )
})

test('no room but upstream can name the master tokens', () => {
  const naming = sources('src').filter(({ text }) => text.includes('upstreamTokens'))
  assert.ok(naming.some(({ path }) => path === 'config.ts'))
  assert.deepEqual(
    naming.map(({ path }) => path).filter((path) => !maySay(path)),
    [],
  )
})

test('the rule knows up and sideways from down', () => {
  const judge = (from: string, target: string) => wrongness(from, { how: 'import', target })
  const fine = [
    ['server.ts', './app.ts'],
    ['cli/main.ts', './client.ts'],
    ['cli/serve.ts', '../store/store.ts'],
    ['app.ts', './gateway/gateway.ts'],
    ['gateway/call.ts', './reply.ts'],
    ['gateway/call.ts', '../catalog/offer.ts'],
    ['catalog/offer.ts', '../upstream/answer.ts'],
    ['ledger/ledger.ts', '../store/store.ts'],
    ['dashboard/pages/keys.tsx', '../../credits.ts'],
    ['config.ts', './config-readers.ts'],
    ['config-readers.ts', './config.ts'],
    ['allowance.ts', './credits.ts'],
    ['cli/main.ts', '../server.ts'],
    ['cli/main.ts', '../../package.json'],
  ] as const
  for (const [from, target] of fine) assert.equal(judge(from, target), undefined)
  const up = [
    ['app.ts', './server.ts'],
    ['gateway/gateway.ts', '../app.ts'],
    ['catalog/offer.ts', '../gateway/call.ts'],
    ['upstream/answer.ts', '../catalog/offer.ts'],
    ['store/store.ts', '../ledger/ledger.ts'],
    ['errors.ts', './store/store.ts'],
    ['dashboard/pages/keys.tsx', '../../portal/portal.ts'],
    ['dashboard/pages/keys.tsx', '../dashboard.ts'],
    ['config.ts', './server.ts'],
  ] as const
  for (const [from, target] of up) assert.equal(judge(from, target), `${from} imports up: ${target}`)
  const sideways = [
    ['gateway/call.ts', '../admin/admin.ts'],
    ['ledger/ledger.ts', '../keys/keys.ts'],
    ['dashboard/pages/keys.tsx', '../../store/store.ts'],
  ] as const
  for (const [from, target] of sideways) assert.equal(judge(from, target), `${from} imports sideways: ${target}`)
  const browser = judge('dashboard/dashboard.ts', './pages/keys.tsx')
  assert.equal(browser, 'dashboard/dashboard.ts imports code for browsers: ./pages/keys.tsx')
})

test('the rule refuses unknown folders, files outside src and second exports', () => {
  const judge = (from: string, target: string, how: Reference['how'] = 'import') => wrongness(from, { how, target })
  assert.equal(judge('jobs/jobs.ts', '../ids.ts'), 'jobs/jobs.ts is on no floor')
  assert.equal(judge('app.ts', './jobs/jobs.ts'), 'app.ts imports ./jobs/jobs.ts, which is on no floor')
  assert.equal(judge('app.ts', '../test/support/x.ts'), 'app.ts leaves src with ../test/support/x.ts')
  assert.equal(judge('keys/keys.ts', './key.ts', 'export'), 'keys/keys.ts re-exports ./key.ts')
  assert.equal(judge('app.ts', 'name)', 'unreadable'), 'app.ts has an import that is no plain text: name)')
  assert.equal(judge('server.ts', './cli/main.ts', 'url'), 'server.ts imports up: ./cli/main.ts')
  assert.equal(judge('chores/retain.ts', '../server.ts', 'url'), 'chores/retain.ts imports up: ../server.ts')
})

test('every way to name another file is read, and what only looks like one is not', () => {
  const lines = [
    `import './a.ts'`,
    `import type { A } from '../b.ts'`,
    `import c, {\n  type D,\n  e as f,\n} from "./c.ts"`,
    `import * as g from './g.ts'`,
    `import data from './d.json' with { type: 'json' }`,
    `const h = await import('./h.ts')`,
    `type I = import('./i.ts').I`,
    `const worker = new Worker(new URL('./worker.ts', import.meta.url))`,
    `export { j } from './j.ts'`,
    `export * from 'undici'`,
    `export type { K } from './k.ts'`,
    `await import(name)`,
    `await import(\`./\${name}.ts\`)`,
    `require('./l.cjs')`,
  ]
  const targets = referencesIn(lines.join('\n')).map(({ how, target }) => `${how} ${target}`)
  const imports = ['./a.ts', '../b.ts', './c.ts', './g.ts', './d.json', './h.ts', './i.ts', './l.cjs'].map(
    (each) => `import ${each}`,
  )
  const exported = ['./j.ts', 'undici', './k.ts'].map((each) => `export ${each}`)
  const rest = ['url ./worker.ts', 'unreadable name)']
  for (const each of [...imports, ...exported, ...rest]) assert.ok(targets.includes(each), each)
  assert.ok(targets.some((each) => each.startsWith('unreadable `')))
  const innocent = [
    `import fastify from 'fastify'`,
    `// import x from './x.ts'`,
    `/** See import('./x.ts'). */`,
    `const url = new URL('./migrations/', import.meta.url)`,
    `export const from = './x.ts'`,
    `export { here }`,
  ]
  assert.deepEqual(referencesIn(innocent.join('\n')), [])
})

test('every way to reach the environment is seen', () => {
  const ways = ['process.env.PORT', "process['env']", 'const { env } = process', "import { env } from 'node:process'"]
  for (const way of ways) assert.ok(readsEnvironment(way), way)
  assert.ok(!readsEnvironment('// Not from process.env.\nloadConfig(env)\nprocess.exit(1)'))
  assert.ok(!maySay('gateway/call.ts') && !maySay('app.ts') && maySay('upstream/tokens.ts') && maySay('config.ts'))
})
