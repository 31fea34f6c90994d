import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { answered, answeredSurely, type Got, inDoubt } from './client.ts'
import { once } from './pages.ts'
import { type Column, facts } from './table.ts'
import { many, one, tell, verb, type Wish } from './telling.ts'
import { creditsValue } from './values.ts'

type Offer = Got<'/admin/v1/offers'>['data'][number]

const columns: readonly Column<Offer>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'upstream', of: ({ upstream }) => upstream },
  { head: 'for sale', of: ({ enabled }) => (enabled ? 'yes' : 'no') },
  { head: 'credits', of: ({ credits }) => credits },
  { head: 'version', of: ({ price_version }) => price_version },
  { head: 'paths', of: ({ method, paths }) => `${method} ${paths.join(' ')}`, cut: true },
]

type Repricing = Wish & { readonly reason: string }

/** `offers list|price`: what is for sale, and at which price. */
export function offers(program: Command, env: Environment): void {
  const noun = program.command('offers').description('what is for sale, and at which price')

  verb(noun, 'list', 'list offers').action((wish: Wish) =>
    tell(env, wish, async (api) => many(once(await answeredSurely(() => api.GET('/admin/v1/offers'))), columns)),
  )

  verb(noun, 'price', 'change a price; calls already held keep theirs')
    .argument('<offer>', 'its id, such as stable-image-core')
    .argument('<credits>', 'what it costs from now on', creditsValue)
    .requiredOption('--reason <text>', 'why; it stays in the history of its prices')
    .action((id: string, credits: number, { reason, ...wish }: Repricing) =>
      tell(env, wish, async (api) => {
        const init = { params: { path: { id } }, body: { credits, reason } }
        const offer = await answered(() => api.PATCH('/admin/v1/offers/{id}', init), { doubt: inDoubt })
        return one(offer, facts(columns.map(({ head, of }) => [head, of(offer)])))
      }),
    )
}
