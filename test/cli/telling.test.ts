import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Page } from '../../src/cli/pages.ts'
import { many } from '../../src/cli/telling.ts'

type Row = { readonly id: string }

async function* threePages(): AsyncGenerator<Page<Row>> {
  const full = Array.from({ length: 200 }, (_, index) => ({ id: String(index) }))
  yield { data: full, next_cursor: 'a' }
  yield { data: full, next_cursor: 'b' }
  yield { data: full.slice(0, 7), next_cursor: null }
}

/** Reads a list as JSON with our ends at a terminal or not; what was printed, and what was said beside it. */
async function read(t: TestContext, isTerminal: { readonly stdout: boolean; readonly stderr: boolean }) {
  for (const name of ['stdout', 'stderr'] as const) {
    const before = Object.getOwnPropertyDescriptor(process[name], 'isTTY')
    Object.defineProperty(process[name], 'isTTY', { value: isTerminal[name], configurable: true })
    t.after(
      () => void Object.defineProperty(process[name], 'isTTY', before ?? { value: undefined, configurable: true }),
    )
  }
  const stderr = t.mock.method(process.stderr, 'write', () => true)
  const printed = (await Array.fromAsync(many(threePages(), [{ head: 'id', of: ({ id }) => id }]).json ?? [])).join('')
  stderr.mock.restore()
  assert.equal((JSON.parse(printed) as { data: Row[] }).data.length, 407)
  return stderr.mock.calls.map(({ arguments: [text] }) => String(text))
}

test('a long list that goes into a file says on the terminal how far it is, and cleans up after itself', async (t) => {
  const said = await read(t, { stdout: false, stderr: true })
  assert.deepEqual(said, ['\r\u001b[K200 rows', '\r\u001b[K400 rows', '\r\u001b[K'])
})

test('where nobody watches, or the rows themselves are on the terminal, a long list says nothing beside', async (t) => {
  assert.deepEqual(await read(t, { stdout: false, stderr: false }), [])
  assert.deepEqual(await read(t, { stdout: true, stderr: true }), [])
})
