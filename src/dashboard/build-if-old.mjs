// Builds the dashboard's pages when they are missing or older than their source.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = join(root, 'dist/dashboard/index.html')
// A folder is as old as the last file that came or went.
const sources = ['src/dashboard/pages', 'src/dashboard/pages/**', 'src/dashboard/vite.config.ts', 'package-lock.json']

if (isOld()) build()

function isOld() {
  if (!existsSync(page)) return true
  const builtMs = statSync(page).mtimeMs
  return globSync(sources, { cwd: root }).some((path) => statSync(join(root, path)).mtimeMs > builtMs)
}

function build() {
  const vite = viteHere()
  if (vite === undefined) {
    // An install for production has no tools to build with; pages that came with it are as they should be.
    if (!existsSync(page)) console.error('The dashboard is not built: npm ci && npm run build does it.')
    return
  }
  console.error('Building the pages of the dashboard ...')
  const config = join(root, 'src/dashboard/vite.config.ts')
  const { status } = spawnSync(process.execPath, [vite, 'build', '--configLoader', 'native', '--config', config], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) process.exit(status ?? 1)
}

function viteHere() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js')
  } catch {
    return undefined
  }
}
