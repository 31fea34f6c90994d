import type { Command } from 'commander'
import type { Environment } from '../config.ts'
import { answered, answeredSurely, type Got } from './client.ts'
import { type Place, pagesOf, type Span, withAccount, withRange, withSpan } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, type Telling, tell, verb, type Wish } from './telling.ts'
import { idValue } from './values.ts'

type Call = Got<'/admin/v1/calls'>['data'][number]
type Story = Got<'/admin/v1/calls/{id}'>

const columns: readonly Column<Call>[] = [
  { head: 'when', of: ({ created_at }) => moment(created_at) },
  { head: 'id', of: ({ id }) => id },
  { head: 'offer', of: ({ offer }) => offer, cut: true },
  { head: 'mode', of: ({ mode }) => mode },
  { head: 'state', of: ({ state, refunded_at }) => (refunded_at ? 'refunded' : state) },
  { head: 'outcome', of: ({ outcome }) => outcome },
  { head: 'reason', of: ({ reason }) => reason, cut: true },
  { head: 'credits', of: ({ credits }) => credits },
  { head: 'status', of: ({ status }) => status },
]
const owner: Column<Call> = { head: 'account', of: ({ account_id }) => account_id }

type Listing = Wish &
  Span & {
    readonly account?: string
    readonly key?: string
    readonly offer?: string
    readonly state?: Call['state']
    readonly from?: string
    readonly to?: string
  }

/** `calls list|show|refund`: what was called, and why it cost what it cost. */
export function calls(program: Command, env: Environment): void {
  const noun = program.command('calls').description('what was called, and why it cost what it cost')

  withRange(withAccount(withSpan(verb(noun, 'list', 'list calls, newest first'))))
    .option('--key <id>', 'only with this key: its id, never its secret', idValue('key'))
    .option('--offer <id>', 'only of this offer')
    .addOption(noun.createOption('--state <state>', 'only in this state').choices(['held', 'settled', 'released']))
    .action((wish: Listing) =>
      tell(env, wish, async (api) => {
        const { account, key, offer, state, from, to } = wish
        const query = { account, key, offer, state, from, to }
        const read = (place: Place) =>
          answeredSurely(() => api.GET('/admin/v1/calls', { params: { query: { ...query, ...place } } }))
        return many(pagesOf(wish, read), account ? columns : [...columns, owner])
      }),
    )

  verb(noun, 'show', 'show a call, and why it was charged or was not')
    .argument('<call>', 'its id; the x-request-id of its reply', idValue('call'))
    .action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const params = { path: { id } }
        return story(await answeredSurely(() => api.GET('/admin/v1/calls/{id}', { params })))
      }),
    )

  verb(noun, 'refund', 'give the charge of a call back, once')
    .argument('<call>', 'its id', idValue('call'))
    .requiredOption('--reason <text>', 'why; it stays in the statement')
    .action((id: string, { reason, ...wish }: Wish & { readonly reason: string }) =>
      tell(env, wish, async (api) => {
        const init = { params: { path: { id } }, body: { reason } }
        const doubt = 'It may have been refunded; repeating is safe, as a charge is given back once.'
        const entry = await answered(() => api.POST('/admin/v1/calls/{id}/refund', init), { doubt })
        return one(
          entry,
          facts([
            ['id', entry.id],
            ['call', entry.call_id],
            ['credits', entry.credits],
            ['posted after', entry.posted_after],
            ['reason', entry.reason],
            ['made', moment(entry.created_at)],
          ]),
        )
      }),
    )
}

function story(call: Story): Telling {
  const { timeline, credits, state, refunded_at } = call
  const verdict = {
    held: 'Nothing was charged so far; the call is running.',
    released: 'Nothing was charged.',
    settled: `${credits} credits were charged${refunded_at ? ' and given back' : ''}.`,
  }[state]
  const about = facts([
    ['id', call.id],
    ['account', call.account_id],
    ['key', call.key_id],
    ['offer', `${call.offer} (${call.mode})`],
    ['outcome', [call.outcome, call.reason].filter(Boolean).join(': ')],
    ['status', call.status],
    [
      'upstream',
      `${call.upstream_status ?? 'no answer'}, ${call.upstream_ms ?? 0} ms, ${call.attempts} ${call.attempts === 1 ? 'try' : 'tries'}`,
    ],
    ['bytes', `${call.bytes_in} in, ${call.bytes_out ?? 0} out`],
    ["caller's id", call.client_request_id],
  ])
  const steps = timeline.map(({ at, event, told }) => {
    return `${(moment(at) ?? '').padEnd(20)}  ${event.padEnd(8)}  ${told}`
  })
  return one(call, [verdict, '', ...about, '', ...steps])
}
