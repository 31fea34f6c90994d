import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { settings } from '../../src/config.ts'
import { settingsDoc, settingsDocPath } from '../support/settings-doc.ts'

test('docs/settings.md is what npm run settings-doc writes', () => {
  assert.equal(readFileSync(settingsDocPath, 'utf8'), settingsDoc())
})

test('docs/settings.md has every setting once, with its default and both forms of a secret', () => {
  const lines = settingsDoc().split('\n')
  for (const { env, fallback, secret } of Object.values(settings)) {
    const [line = '', ...more] = lines.filter((each) => each.startsWith(`| \`${env}\``))
    assert.deepEqual(more, [], env)
    assert.ok(line.includes(`| ${fallback ? `\`${fallback}\`` : 'none'} |`), env)
    assert.equal(line.includes(`\`${env}_FILE\``), secret, env)
  }
})
