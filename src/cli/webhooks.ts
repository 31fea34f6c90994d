import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '../config.ts'
import { type EventName, eventNames, isEventName } from '../webhooks/events.ts'
import { type Api, answered, answeredSurely, done, type Got, inDoubt } from './client.ts'
import { type Place, pagesOf, type Span, withSpan } from './pages.ts'
import { type Column, facts, moment } from './table.ts'
import { many, one, type Telling, tell, verb, type Wish } from './telling.ts'
import { idValue } from './values.ts'

type Webhook = Got<'/admin/v1/webhooks/{id}'>
type Delivery = Got<'/admin/v1/webhooks/{id}/deliveries'>['data'][number]

const columns: readonly Column<Webhook>[] = [
  { head: 'id', of: ({ id }) => id },
  { head: 'url', of: ({ url }) => url, cut: true },
  { head: 'enabled', of: ({ enabled }) => enabled },
  { head: 'events', of: ({ events }) => events.join(','), cut: true },
  { head: 'made', of: ({ created_at }) => moment(created_at) },
]

const sent: readonly Column<Delivery>[] = [
  { head: 'when', of: ({ created_at }) => moment(created_at) },
  { head: 'id', of: ({ id }) => id },
  { head: 'event', of: ({ event }) => event },
  { head: 'state', of: ({ state }) => state },
  { head: 'tries', of: ({ attempts }) => attempts },
  { head: 'status', of: ({ last_status }) => last_status },
  { head: 'error', of: ({ last_error }) => last_error },
  { head: 'next try', of: ({ next_attempt_at }) => moment(next_attempt_at) },
]

const secretOnce =
  'The last line is the secret that messages are signed with. It is shown only now: give it to the receiver.'

/** `webhooks create|list|enable|disable|test|deliveries|delete`: who is told what happens. */
export function webhooks(program: Command, env: Environment): void {
  const noun = program.command('webhooks').description('who is told what happens')
  making(noun, env)
  changing(noun, env)
  sending(noun, env)
}

function making(noun: Command, env: Environment): void {
  verb(noun, 'create <url>', 'make a webhook; its secret is the last line, and shown only now')
    .requiredOption('--events <names>', `what it is told: ${eventNames.join(', ')}; or all`, eventsValue)
    .action((url: string, { events, ...wish }: Wish & { readonly events: EventName[] }) =>
      tell(env, wish, async (api) => {
        const made = await answered(() => api.POST('/admin/v1/webhooks', { body: { url, events } }), { doubt: inDoubt })
        return one(made, [...lines(made), '', made.secret], [secretOnce])
      }),
    )

  withSpan(verb(noun, 'list', 'list webhooks')).action((wish: Wish & Span) =>
    tell(env, wish, async (api) => {
      const read = (query: Place) => answeredSurely(() => api.GET('/admin/v1/webhooks', { params: { query } }))
      return many(pagesOf(wish, read), columns)
    }),
  )
}

function changing(noun: Command, env: Environment): void {
  for (const [name, about, enabled] of [
    ['enable', 'tell it again', true],
    ['disable', 'tell it nothing any more, and give up what waits for it', false],
  ] as const) {
    withId(verb(noun, name, about)).action((id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const change = { params: { path: { id } }, body: { enabled } }
        const webhook = await answeredSurely(() => api.PATCH('/admin/v1/webhooks/{id}', change))
        return one(webhook, lines(webhook))
      }),
    )
  }

  withId(verb(noun, 'delete', 'delete a webhook and its log')).action((id: string, wish: Wish) =>
    tell(env, wish, async (api) => {
      await done(() => api.DELETE('/admin/v1/webhooks/{id}', { params: { path: { id } } }))
      return one({ id, deleted: true }, [`${id} is told nothing any more.`])
    }),
  )
}

function sending(noun: Command, env: Environment): void {
  withId(verb(noun, 'test', 'send a test event, and say what became of its first try')).action(
    (id: string, wish: Wish) =>
      tell(env, wish, async (api) => {
        const params = { path: { id } }
        const queued = await answered(() => api.POST('/admin/v1/webhooks/{id}/test', { params }), { doubt: inDoubt })
        return outcome(await tried(api, queued))
      }),
  )

  withSpan(withId(verb(noun, 'deliveries', 'list what was sent to a webhook, newest first'))).action(
    (id: string, wish: Wish & Span) =>
      tell(env, wish, async (api) => {
        const path = { id }
        const read = (query: Place) =>
          answeredSurely(() => api.GET('/admin/v1/webhooks/{id}/deliveries', { params: { path, query } }))
        return many(pagesOf(wish, read), sent)
      }),
  )
}

/** Longer than a sending can take, and the second until it begins. */
const patienceMs = 15_000
const pauseMs = 250

/** The delivery after its first try, or as it is when that takes too long. */
async function tried(api: Api, queued: Delivery): Promise<Delivery> {
  const params = { path: { id: queued.webhook_id } }
  let found = queued
  for (let waitedMs = 0; waitedMs < patienceMs && isWaiting(found); waitedMs += pauseMs) {
    await sleep(pauseMs)
    const { data } = await answeredSurely(() => api.GET('/admin/v1/webhooks/{id}/deliveries', { params }))
    found = data.find(({ id }) => id === queued.id) ?? found
  }
  return found
}

function isWaiting({ state, last_status, last_error }: Delivery): boolean {
  return state === 'pending' && last_status === null && last_error === null
}

function outcome(delivery: Delivery): Telling {
  const { state, last_status: status, last_error: error } = delivery
  const sentences = {
    delivered: `It arrived: the receiver answered ${status}.`,
    pending: error ? `It did not arrive (${[error, status].filter(Boolean).join(' ')}); it is sent again later.` : '',
    failed: `It did not arrive (${[error, status].filter(Boolean).join(' ')}), and is not sent again.`,
  }
  const sentence = sentences[state] || 'It has not been sent yet; look at the deliveries in a while.'
  const about = facts(sent.map(({ head, of }) => [head, of(delivery)]))
  return { ...one(delivery, [sentence, '', ...about]), exitCode: state === 'delivered' ? 0 : 1 }
}

function lines(webhook: Webhook): string[] {
  return facts(columns.map(({ head, of }) => [head, of(webhook)]))
}

function withId(command: Command): Command {
  return command.argument('<webhook>', 'its id', idValue('wh'))
}

function eventsValue(text: string): EventName[] {
  if (text === 'all') return [...eventNames]
  const words = text.split(',').map((word) => word.trim())
  if (words.every(isEventName)) return [...new Set(words)]
  throw new InvalidArgumentError(`It must be a list with commas of ${eventNames.join(', ')}; or all.`)
}
