import assert from 'node:assert/strict'
import { test } from 'node:test'
import { en } from '../../src/dashboard/pages/languages/en.ts'
import { zhCn } from '../../src/dashboard/pages/languages/zh-cn.ts'

type Tree = { readonly [name: string]: string | Tree }

/** Every text by the names on the way to it. */
function flat(tree: Tree, way = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value === 'string') found.set(`${way}${name}`, value)
    else for (const [key, text] of flat(value, `${way}${name}.`)) found.set(key, text)
  }
  return found
}

function placesIn(text: string): string[] {
  return [...text.matchAll(/\{\{(.+?)\}\}/g)].map(([, place]) => place ?? '').sort()
}

test('both languages say everything, and put the same values into it', () => {
  const [english, chinese] = [flat(en), flat(zhCn)]
  assert.ok(english.size > 300)
  assert.deepEqual([...chinese.keys()].sort(), [...english.keys()].sort())
  for (const [key, text] of english) assert.deepEqual(placesIn(chinese.get(key) ?? ''), placesIn(text), key)
})

test('no text is blank, and what people read in Chinese is Chinese', () => {
  const same = new Set([
    'webhooks.one',
    'nav.webhooks',
    'common.id',
    'home.quota',
    'home.of',
    'playground.promptExample',
  ])
  for (const [key, text] of [...flat(en), ...flat(zhCn)]) assert.notEqual(text.trim(), '', key)
  for (const [key, text] of flat(zhCn)) assert.ok(same.has(key) || /\p{Script=Han}/u.test(text), key)
})
