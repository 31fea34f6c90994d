import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { samplesOf } from '../../src/dashboard/pages/holder/code.ts'
import { firstWish } from '../../src/dashboard/pages/holder/wish.ts'

const url = 'https://house.example/sd/v2beta/stable-image/generate/core'
const prompts = [
  'a lighthouse',
  `it's "$HOME" \`id\` \\n $(id)`,
  '@/etc/passwd',
  '<script>alert(1)</script>\n;!#',
  '灯塔 🗼',
]

/** What curl would be called with. */
function argumentsOf(command: string): string[] {
  const heard = execFileSync('/bin/sh', ['-c', `curl() { printf '%s\\0' "$@"; }\n${command}`], { encoding: 'utf8' })
  return heard.split('\0').slice(0, -1)
}

test('a prompt full of quotes and signs stays one text in the shell, and is never a file or a command', () => {
  for (const prompt of prompts) {
    const [curl] = samplesOf({ ...firstWish, prompt, seed: '7' }, url)
    const heard = argumentsOf(curl?.text ?? '')
    assert.equal(heard[1], url)
    assert.deepEqual(
      heard.flatMap((word, index) => (heard[index - 1] === '--form-string' ? [word] : [])),
      [`prompt=${prompt}`, 'aspect_ratio=1:1', 'seed=7', 'output_format=png'],
    )
  }
})

test('the same call in JavaScript parses, whatever the prompt', () => {
  for (const prompt of prompts) {
    const text = samplesOf({ ...firstWish, prompt }, url).find(({ name }) => name === 'JavaScript')?.text ?? ''
    execFileSync(process.execPath, ['--check', '--input-type=module', '-'], { input: text })
    assert.ok(text.includes(`body.set("prompt", ${JSON.stringify(prompt)})`))
  }
})

test('no sample names a key, only where it is put', () => {
  for (const { text } of samplesOf(firstWish, url)) {
    assert.ok(text.includes('TOLLGATE_KEY') && !/tg_(live|test|admin)_/.test(text))
  }
})
