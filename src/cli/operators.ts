import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { answered, answeredSurely, done, type Got, inDoubt } from './client.ts'
import { shownOnce } from './keys.ts'
import { type Place, pagesOf, type Span, withSpan } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, tell, verb, type Wish } from './telling.ts'
import { idValue } from './values.ts'

type Operator = Got<'/admin/v1/operators/{id}'>

const columns: readonly Column<Operator>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'name', of: ({ name }) => name, cut: true },
  { head: 'role', of: ({ role }) => role },
  { head: 'hint', of: ({ hint }) => hint },
  { head: 'made', of: ({ created_at }) => moment(created_at) },
]

type Making = Wish & { readonly role: Operator['role'] }

/** `operators create|list|delete`: who runs the house. */
export function operators(program: Command, env: Environment): void {
  const noun = program.command('operators').description('who runs the house')

  verb(noun, 'create <name>', 'make an operator; the key is the last line, and shown only now')
    .addOption(
      noun
        .createOption('--role <role>', 'a viewer may change nothing')
        .choices(['admin', 'viewer'])
        .makeOptionMandatory(),
    )
    .action((name: string, { role, ...wish }: Making) =>
      tell(env, wish, async (api) => {
        const made = await answered(() => api.POST('/admin/v1/operators', { body: { name, role } }), { doubt: inDoubt })
        const lines = [...facts(columns.map(({ head, of }) => [head, of(made)])), '', made.secret]
        return one(made, lines, [shownOnce])
      }),
    )

  withSpan(verb(noun, 'list', 'list operators')).action((wish: Wish & Span) =>
    tell(env, wish, async (api) => {
      const read = (query: Place) => answeredSurely(() => api.GET('/admin/v1/operators', { params: { query } }))
      return many(pagesOf(wish, read), columns)
    }),
  )

  verb(noun, 'delete', 'remove an operator; the key ends at once')
    .argument('<operator>', 'its id', idValue('op'))
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        await done(() => api.DELETE('/admin/v1/operators/{id}', { params: { path: { id } } }))
        return one({ id, deleted: true }, [`${id} is no operator any more.`])
      }),
    )
}
