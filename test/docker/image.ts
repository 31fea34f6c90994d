import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { TestContext } from 'node:test'
import { checkout } from '../support/process.ts'
import { allOf, type Stage, stagesOf, textOf } from './files.ts'

export type Image = {
  /** What the image has at /app. */
  readonly app: string
  /** A command of the image as its user runs it: without rights, and without a word of npm. */
  command(...words: string[]): [string, ...string[]]
  /** Every file of the tree with its mode, size and time, but for the volume. Throws when one could be changed. */
  tree(): string[]
}

/** Nobody, where the tests run as root; else whoever runs them. */
const nobody = 65_534
const isRoot = process.getuid?.() === 0

/** Does what docker build does with the Dockerfile, in a folder that is gone with the test. Throws when a step fails. */
export function buildImage(t: TestContext): Image {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-image-'))
  t.after(() => {
    if (!isRoot) for (const path of foldersIn(join(folder, 'app'))) chmodSync(path, 0o755)
    rmSync(folder, { recursive: true })
  })
  const [pages, packages, last] = stagesOf(textOf('docker/Dockerfile'))
  if (!pages || !packages || !last) throw new Error('the Dockerfile has other stages')
  chmodSync(folder, 0o755)
  const built = { packages: installed(folder, packages), pages: drawn(folder, pages) }
  const app = join(folder, 'app')
  mkdirSync(app)
  for (const { name, flags, rest } of last.instructions) {
    if (name !== 'COPY') continue
    const from = flags['from'] as keyof typeof built | undefined
    if (from)
      renameSync(join(built[from], relative('/app', rest.split(' ')[0] ?? '')), join(app, rest.split(' ')[1] ?? ''))
    else copy(rest, app)
  }
  mkdirSync(join(app, 'data'), { mode: 0o700 })
  if (isRoot) chownSync(join(app, 'data'), nobody, nobody)
  const node = placed(folder)
  // What belongs to root nobody can change; what belongs to whoever runs the tests has to be closed first.
  if (!isRoot) for (const path of [...paths(app), app]) chmodSync(path, statSync(path).mode & 0o555)

  function command(...[program = '', ...words]: string[]): [string, ...string[]] {
    const line: [string, ...string[]] = [program === 'node' ? node : program, ...words]
    if (!isRoot) return line
    return ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--no-new-privs', ...line]
  }

  const tree = () => paths(app).map((path) => lineOf(app, path))
  return { app, command, tree }
}

function foldersIn(app: string): string[] {
  if (!existsSync(app)) return []
  const inside = readdirSync(app, { recursive: true, withFileTypes: true })
  const folders = inside.filter((entry) => entry.isDirectory())
  return [app, ...folders.map(({ parentPath, name }) => join(parentPath, name))]
}

/** In the image it is where everybody may run it; the checkout may be where nobody else can go. */
function placed(folder: string): string {
  const node = join(folder, 'node')
  try {
    linkSync(process.execPath, node)
  } catch {
    copyFileSync(process.execPath, node)
  }
  return node
}

function lineOf(app: string, path: string): string {
  const { mode, size, mtimeMs, uid } = statSync(path)
  if (isRoot && (uid === nobody || mode & 0o002)) throw new Error(`${path} can be changed by everybody`)
  return [relative(app, path), mode, size, mtimeMs].join(' ')
}

/** Everything in the tree but what is in the volume. */
function paths(app: string): string[] {
  const inside = readdirSync(app, { recursive: true, withFileTypes: true })
  const real = inside.filter((entry) => !entry.isSymbolicLink()).map(({ parentPath, name }) => join(parentPath, name))
  return real.filter((path) => path !== join(app, 'data') && !path.startsWith(join(app, 'data/'))).sort()
}

function copy(words: string, into: string): void {
  const names = words.split(' ')
  const target = names.pop() ?? ''
  for (const name of names) {
    const place = target.endsWith('/') ? join(into, target, name.split('/').at(-1) ?? '') : join(into, target)
    mkdirSync(dirname(place), { recursive: true })
    cpSync(join(checkout, name), place, { recursive: true })
  }
}

/** A stage whose files are copied into a folder of their own. */
function begun(folder: string, stage: Stage, name: string): string {
  const place = join(folder, name)
  mkdirSync(place)
  for (const words of allOf(stage, 'COPY')) copy(words, place)
  return place
}

function drawn(folder: string, stage: Stage): string {
  const place = begun(folder, stage, 'pages')
  // What npm ci would bring is here already, and is large.
  symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'))
  for (const line of allOf(stage, 'RUN')) if (!line.startsWith('npm ci ')) run(line, place)
  return place
}

function installed(folder: string, stage: Stage): string {
  const place = begun(folder, stage, 'packages')
  for (const line of allOf(stage, 'RUN')) {
    const { status, output } = tried(`${line} --prefer-offline`, place)
    if (status === 0) continue
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(output)) {
      throw new Error(`${line}:\n${output}`)
    }
    borrow(place)
  }
  return place
}

/** Without a registry: what npm says belongs to production, out of the checkout. */
function borrow(place: string): void {
  const { output } = tried('npm ls --omit=dev --all --parseable', checkout)
  const folders = output.split('\n').filter((path) => path.includes('/node_modules/'))
  for (const path of folders) {
    const target = join(place, relative(checkout, path))
    cpSync(path, target, { recursive: true, filter: (each) => !relative(path, each).includes('node_modules') })
  }
}

function tried(line: string, cwd: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  return { status, output: status === 0 ? stdout : stdout + stderr }
}

function run(line: string, cwd: string): string {
  const { status, output } = tried(line, cwd)
  if (status !== 0) throw new Error(`${line}:\n${output}`)
  return output
}
