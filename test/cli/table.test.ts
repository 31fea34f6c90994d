import assert from 'node:assert/strict'
import { test } from 'node:test'
import stringWidth from 'string-width'
import { type Column, facts, plain, plainJson, table } from '../../src/cli/table.ts'

type Row = { readonly id: string; readonly name: string | null; readonly credits: number }

const columns: readonly Column<Row>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'name', of: ({ name }) => name, cut: true },
  { head: 'credits', of: ({ credits }) => credits },
]
const linesOf = (rows: readonly Row[], width?: number) => Array.fromAsync(table(columns, [rows], width))

test('numbers stand right, text stands left, and what is missing is a dash', async () => {
  const rows = [
    { id: 'a1', name: 'Design team', credits: 12.5 },
    { id: 'b22', name: null, credits: 3 },
  ]
  assert.deepEqual(await linesOf(rows), [
    'id   name         credits',
    'a1   Design team     12.5',
    'b22  -                  3',
  ])
})

test('wide text is cut to the terminal, ids never', async () => {
  const rows = [{ id: 'x'.repeat(30), name: 'A very long name of a very long team', credits: 3 }]
  const [head, line] = await linesOf(rows, 60)
  assert.equal(line, `${'x'.repeat(30)}  A very long name o…        3`)
  assert.equal(stringWidth(String(line)), 60)
  assert.equal(stringWidth(String(head)), 60)
  const [, narrow] = await linesOf(rows, 20)
  assert.ok(narrow?.startsWith(`${'x'.repeat(30)}  A very …  `), String(narrow))
})

test('letters of double width count as two and are never cut in half', async () => {
  const rows = [{ id: 'a', name: '設計チームの名前はとても長い', credits: 3 }]
  const [head, line] = await linesOf(rows, 24)
  assert.equal(stringWidth(String(line)), stringWidth(String(head)))
  assert.match(String(line), /^a {3}設計チーム/)
  const [, family] = await linesOf([{ id: 'a', name: '👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', credits: 3 }], 21)
  assert.match(String(family), /👨‍👩‍👧‍👦…/u)
})

test('later pages keep the head and the widths of the first', async () => {
  const pages: Row[][] = [[{ id: 'aaaa', name: 'first', credits: 1 }], [{ id: 'b', name: 'x', credits: 22 }]]
  const lines = await Array.fromAsync(table<Row>(columns, pages))
  assert.deepEqual(lines, ['id    name   credits', 'aaaa  first        1', 'b     x           22'])
  assert.deepEqual(await linesOf([]), ['There are none.'])
})

test('markup is taken away and what cannot be shown is told, in JSON without loss', () => {
  assert.equal(plain('\u001b[1mbold\u001b[0m'), 'bold')
  assert.equal(plain('\u001b]8;;http://x\u0007link\u001b]8;;\u0007'), 'link')
  assert.equal(plain('a\nb\tc\r\u0000\u007f\u0085'), 'a\\u000ab\\u0009c\\u000d\\u0000\\u007f\\u0085')
  assert.equal(plain('\u202eevil\u2066\u200b\ufeff\u2028'), '\\u202eevil\\u2066\\u200b\\ufeff\\u2028')
  assert.equal(plain('Zoë 設計 👍 e\u0301'), 'Zoë 設計 👍 e\u0301')
  const text = 'x\u001b[1m\u009b\u202e\u007f\n'
  const json = plainJson(JSON.stringify({ text }))
  assert.doesNotMatch(json, /[\p{Cc}\u202e]/u)
  assert.deepEqual(JSON.parse(json), { text })
  assert.deepEqual(
    facts([
      ['name', 'a\u001b[2Jb'],
      ['long name', ''],
      ['n', 0],
    ]),
    ['name       ab', 'long name  -', 'n          0'],
  )
})
