import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

const pages = fileURLToPath(new URL('./pages/', import.meta.url))
const built = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url))

/** A browser that has a page open may still ask for the files of the build before. */
const keptMs = 86_400_000

/** Writes each text a second and a third time, compressed as far as it goes, so that no request pays for it. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle(_options, bundle) {
      const texts = Object.keys(bundle).filter((name) => /^assets\/.*\.(js|css|svg)$/.test(name))
      for (const name of texts) compress(join(built, name))
      sweep(Object.keys(bundle))
    },
  }
}

function compress(path: string): void {
  const bytes = readFileSync(path)
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
}

function sweep(names: readonly string[]): void {
  for (const name of readdirSync(join(built, 'assets'))) {
    const path = join(built, 'assets', name)
    const isOfThisBuild = names.includes(`assets/${name.replace(/\.(br|gz)$/, '')}`)
    if (!isOfThisBuild && Date.now() - statSync(path).mtimeMs > keptMs) rmSync(path)
  }
}

export default defineConfig({
  root: pages,
  base: '/dashboard/',
  plugins: [react(), compressed()],
  // The server puts another word in its place with every page it sends.
  html: { cspNonce: 'NONCE-OF-THIS-PAGE' },
  build: {
    outDir: built,
    // Two builds at once write the same files, and neither takes the other's away.
    emptyOutDir: false,
    // A file inside the page's text would be one the policy refuses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    // What most pages share comes once and at once; a request for each piece would cost more than the piece.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'common', minShareCount: 4 }] } } },
  },
  logLevel: 'warn',
})
