import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../config.ts'
import { answeredSurely, type Got } from './client.ts'
import { once } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, tell, verb, type Wish } from './telling.ts'

type Token = Got<'/admin/v1/tokens'>['data'][number]

const columns: readonly Column<Token>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'upstream', of: ({ upstream }) => upstream },
  { head: 'ends in', of: ({ hint }) => hint },
  { head: 'state', of: ({ state }) => state },
  { head: 'until', of: ({ until }) => moment(until) },
  { head: 'reason', of: ({ reason }) => reason, cut: true },
  { head: 'weight', of: ({ weight }) => weight },
  { head: 'in flight', of: ({ in_flight }) => in_flight },
  { head: 'credits', of: ({ credits }) => credits },
  { head: 'read', of: ({ credits_at }) => moment(credits_at) },
]

/** `tokens list|resume`: the master tokens of the upstream, as far as they may be shown. */
export function tokens(program: Command, env: Environment): void {
  const noun = program.command('tokens').description('the master tokens of the upstream, without their values')

  verb(noun, 'list', 'list the master tokens and their states').action((wish: Wish) =>
    tell(env, wish, async (api) => many(once(await answeredSurely(() => api.GET('/admin/v1/tokens'))), columns)),
  )

  verb(noun, 'resume', 'use a token again that was set aside')
    .argument('<token>', 'its id, such as tok_0f3a9c2e5b8d1406a1b2; never its value', tokenId)
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const params = { path: { id } }
        const token = await answeredSurely(() => api.POST('/admin/v1/tokens/{id}/resume', { params }))
        return one(token, facts(columns.map(({ head, of }) => [head, of(token)])))
      }),
    )
}

/** The value of a token must not get into an address, where logs would keep it. */
function tokenId(text: string): string {
  if (/^tok_\w{1,64}$/.test(text)) return text
  throw new InvalidArgumentError('It must be an id such as tok_0f3a9c2e5b8d1406a1b2.')
}
