import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { addNouns } from '../../src/cli/nouns.ts'
import { addTools } from '../../src/cli/tools.ts'
import type { Environment } from '../../src/config.ts'
import { post, unknownIds } from '../support/admin.ts'
import { openTestHouse } from '../support/house.ts'
import { written } from '../support/operations.ts'

const { acc, key, call, op } = unknownIds
const wh = 'wh_00000000000000000000000000'
const why = ['--reason', 'x'] as const

/** Every verb of the API with words it understands, and whether it changes anything. */
const verbs: readonly (readonly [does: 'looks' | 'changes', ...words: string[]])[] = [
  ['changes', 'accounts', 'create', 'Design'],
  ['looks', 'accounts', 'list'],
  ['looks', 'accounts', 'show', acc],
  ['changes', 'accounts', 'suspend', acc],
  ['changes', 'accounts', 'resume', acc],
  ['changes', 'credits', 'grant', acc, '5', ...why],
  ['looks', 'credits', 'balance', acc],
  ['looks', 'credits', 'statement', acc],
  ['changes', 'keys', 'create', '--account', acc, '--name', 'x'],
  ['looks', 'keys', 'list'],
  ['changes', 'keys', 'rotate', key],
  ['changes', 'keys', 'revoke', key],
  ['looks', 'calls', 'list'],
  ['looks', 'calls', 'show', call],
  ['changes', 'calls', 'refund', call, ...why],
  ['looks', 'usage'],
  ['looks', 'offers', 'list'],
  ['changes', 'offers', 'price', 'stable-image-core', '4', ...why],
  ['looks', 'tokens', 'list'],
  ['changes', 'tokens', 'resume', 'tok_0'],
  ['changes', 'operators', 'create', 'Sam', '--role', 'admin'],
  ['looks', 'operators', 'list'],
  ['changes', 'operators', 'delete', op],
  ['changes', 'webhooks', 'create', 'https://example.com/', '--events', 'all'],
  ['looks', 'webhooks', 'list'],
  ['changes', 'webhooks', 'enable', wh],
  ['changes', 'webhooks', 'disable', wh],
  ['changes', 'webhooks', 'test', wh],
  ['looks', 'webhooks', 'deliveries', wh],
  ['changes', 'webhooks', 'delete', wh],
  ['looks', 'reconcile'],
  ['looks', 'books'],
]
const alone = ['usage', 'reconcile', 'books']
const local = ['doctor', 'backup', 'restore', 'migrate', 'move-to']

const nameOf = ([, noun = '', verb = '']: readonly string[]) => (alone.includes(noun) ? noun : `${noun} ${verb}`)

/** The commands that do something, by their whole names. */
function leaves(command: Command, above = ''): readonly (readonly [name: string, command: Command])[] {
  return command.commands.flatMap((each) => {
    const name = `${above} ${each.name()}`.trim()
    return each.commands.length > 0 ? leaves(each, name) : [[name, each] as const]
  })
}

test('every verb is there, says what it does, and can tell it as JSON', () => {
  const program = new Command('tollgate')
  addTools(program, {})
  addNouns(program, {})
  const found = new Map(leaves(program))
  assert.deepEqual([...found.keys()].sort(), [...verbs.map(nameOf), ...local].sort())
  for (const [name, command] of found) {
    assert.ok(command.description().length > 5, name)
    assert.ok(
      command.options.some(({ long }) => long === '--json'),
      name,
    )
    for (const option of command.options) assert.ok(option.description.length > 3, `${name} ${option.flags}`)
  }
})

/** Runs a verb in this process, and tells its exit code and what it said on stderr. */
async function spoken(t: TestContext, words: readonly string[], env: Environment) {
  const stderr = t.mock.method(process.stderr, 'write', () => true)
  const program = new Command('tollgate')
  addNouns(program, env)
  try {
    await program.parseAsync(words, { from: 'user' })
    return { code: process.exitCode, said: stderr.mock.calls.map(({ arguments: [text] }) => String(text)).join('') }
  } finally {
    stderr.mock.restore()
    process.exitCode = undefined
  }
}

test('a viewer is refused at every verb that changes anything, and nothing changes', async (t) => {
  const house = await openTestHouse(t)
  const { secret } = await post(house, '/operators', { name: 'Vic', role: 'viewer' })
  const env = { TOLLGATE_URL: house.origin, TOLLGATE_ADMIN_KEY: String(secret) }
  const before = await written(house)
  for (const [does, ...words] of verbs) {
    if (does === 'looks') continue
    const told = await spoken(t, words, env)
    assert.deepEqual(told, { code: 1, said: 'A viewer may look, and change nothing.\n' }, words.join(' '))
  }
  assert.deepEqual(await written(house), before)
})

test('every verb of the API ends with 78 without an operator key, and with 1 for one that nobody has', async (t) => {
  const house = await openTestHouse(t)
  const place = { TOLLGATE_URL: house.origin }
  // Each run leaves its listeners behind; the process that has one run ends with it.
  process.stdout.setMaxListeners(100)
  for (const [, ...words] of verbs) {
    // Without a key the books are read from the database of this machine.
    if (words[0] !== 'books') {
      const told = await spoken(t, words, place)
      assert.deepEqual([told.code, told.said.split(':')[0]], [78, 'TOLLGATE_ADMIN_KEY'], words.join(' '))
    }
    const told = await spoken(t, words, { ...place, TOLLGATE_ADMIN_KEY: 'nobody-knows-this-key-at-all' })
    assert.equal(told.code, 1, words.join(' '))
    assert.match(told.said, /^(This operator key is not valid|Too many failed sign-ins from this address)/)
  }
})
