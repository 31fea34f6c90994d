import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../src/check-node.mjs', import.meta.url))

function runAs(version: string | undefined) {
  const faked = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const preload = version === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(faked)}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...preload, script], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('the Node that runs this passes without a word', () => {
  assert.deepEqual(runAs(undefined), { status: 0, stdout: '', stderr: '' })
})

test('the oldest Node that fits passes, and so does a later one', () => {
  for (const version of ['24.0.0', '100.1.0']) assert.equal(runAs(version).status, 0, version)
})

test('an older Node is told in one sentence what is needed and where to get it', () => {
  for (const version of ['8.17.0', '18.20.0', '23.11.1']) {
    const { status, stdout, stderr } = runAs(version)
    assert.equal(status, 1, version)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`^Tollgate needs Node 24 or later and this is Node ${version}; npm ci .*\\.\n$`))
  }
})
