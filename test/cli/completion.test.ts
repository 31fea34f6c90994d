import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkout, openPlace } from '../support/process.ts'

const tollgate = [process.execPath, join(checkout, 'src/cli/tollgate.mjs')] as const

test('bash, zsh and fish get a script, and another shell is refused', async (t) => {
  const place = openPlace(t)
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await place.run({ command: [...tollgate, 'completion', shell] })
    assert.equal(code, 0)
    assert.ok(stdout.includes('tollgate complete --'), stdout)
  }
  assert.equal((await place.run({ command: [...tollgate, 'completion', 'cmd'] })).code, 2)
})

test('the script asks for nouns, verbs, options and choices', async (t) => {
  const place = openPlace(t)
  const offered = async (...words: string[]) => {
    const { stdout } = await place.run({ command: [...tollgate, 'complete', '--', ...words] })
    return stdout.split('\n').map((line) => line.split('\t')[0])
  }
  assert.ok((await offered('acc')).includes('accounts'))
  assert.ok((await offered('keys', 'r')).includes('rotate'))
  assert.ok((await offered('keys', 'create', '--q')).includes('--quota'))
  assert.ok((await offered('keys', 'list', '--status', '')).includes('revoked'))
})
