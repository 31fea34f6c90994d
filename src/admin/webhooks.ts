import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { idText, oneOf, orNull, timeTold } from '../fields.ts'
import { emptyOnly } from '../json-bodies.ts'
import { known, oneId } from '../known-ids.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import { formatTime, formatTimeOrNull } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { Delivery } from '../webhooks/deliveries.ts'
import { eventNames } from '../webhooks/events.ts'
import { mostWebhooks, type Webhook } from '../webhooks/webhooks.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'
import { mustMatch, outrun, tag } from './versions.ts'

const exampleId = 'wh_01hq3w8kzp0000m4n5p6q7r8s9'
const url = Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Where it is told, over https; every answer but 2xx is a failure.',
  examples: ['https://example.com/hooks/tollgate'],
})
const events = Type.Array(oneOf(eventNames, 'What happened.'), {
  ...{ minItems: 1, maxItems: eventNames.length, uniqueItems: true },
  description: 'What it is told.',
})
const enabled = Type.Boolean({ description: 'A disabled webhook is told nothing.', examples: [true] })
const Making = Type.Object({ url, events }, { title: 'WebhookWish', additionalProperties: false })
const Changing = Type.Object(
  { url: Type.Optional(url), events: Type.Optional(events), enabled: Type.Optional(enabled) },
  { title: 'WebhookChange', additionalProperties: false, minProperties: 1 },
)
const fields = {
  id: idText(exampleId, 'The webhook.'),
  ...{ url, events, enabled },
  created_at: timeTold('When it was made.'),
}
const WebhookView = Type.Object(fields, { title: 'Webhook' })
const secret = Type.String({
  description: 'What its messages are signed with (HMAC-SHA256); shown only now.',
  examples: ['whsec_...'],
})
const NewWebhookView = Type.Object({ ...fields, secret }, { title: 'NewWebhook' })
const DeliveryView = Type.Object(
  {
    id: idText('msg_01hq3w8kzp0000m4n5p6q7r8s9', 'The same at every try, as `webhook-id`.'),
    webhook_id: idText(exampleId, 'The webhook.'),
    event: Type.String({ description: 'What happened; `webhook.test` for a test.', examples: ['account.balance_low'] }),
    state: oneOf(['pending', 'delivered', 'failed'], 'Pending is sent again; failed is not.'),
    attempts: Type.Integer({ description: 'How often it was sent.', examples: [1] }),
    next_attempt_at: orNull(timeTold('When it is sent next.'), undefined, null),
    last_status: orNull(Type.Integer({ examples: [204] }), 'What the receiver answered last.'),
    last_error: orNull(
      Type.String({ examples: ['timeout'] }),
      'One word for what went wrong last; null when it arrived.',
      null,
    ),
    created_at: timeTold('When it happened.'),
    ended_at: orNull(timeTold('When it arrived or was given up.')),
    payload: Type.Unsafe<Readonly<Record<string, unknown>>>(
      Type.Object(
        {
          type: Type.String({ examples: ['account.balance_low'] }),
          timestamp: timeTold('When it happened.'),
          data: Type.Object({}, { additionalProperties: true, examples: [{ account_id: 'acc_...', available: 24 }] }),
        },
        { description: 'The body that is sent.' },
      ),
    ),
  },
  { title: 'Delivery' },
)
const Query = Type.Object(pageQuery, { additionalProperties: false })
const tags = ['webhooks']
const params = oneId('The webhook.', exampleId)

/** Who is told what happens: making, changing and ending webhooks, a test event, and the log of what was sent. */
export function webhooks(scope: TypedScope, rooms: AdminRooms): void {
  making(scope, rooms)
  reading(scope, rooms)
  changing(scope, rooms)
  sending(scope, rooms)
}

function making(scope: TypedScope, { store, webhooks }: AdminRooms): void {
  const schema = {
    ...{ body: Making, response: { 201: NewWebhookView }, tags },
    summary: 'Make a webhook; its secret is shown only here',
    operationId: 'createWebhook',
    ...mayRefuse('conflict'),
  }
  scope.post('/webhooks', { schema }, async (request, reply) => {
    const { id, secret, unit } = webhooks.creating(request.body)
    const after = { ...request.body, enabled: true }
    const done = await store.write([...unit, note(operatorOf(request).id, 'webhooks.create', id, undefined, after)])
    if (done.refused !== undefined) {
      throw new Problem('conflict', { sentence: `There are ${mostWebhooks} webhooks, which is the most; delete one.` })
    }
    await webhooks.refresh()
    const made = await webhooks.get(id)
    tag(reply.code(201), made.version)
    return { ...webhookView(made), secret }
  })
}

function reading(scope: TypedScope, { webhooks, deliveries }: AdminRooms): void {
  const listed = {
    ...{ querystring: Query, response: { 200: pageOf(WebhookView) }, tags },
    summary: 'List webhooks',
    operationId: 'listWebhooks',
  }
  scope.get('/webhooks', { schema: listed }, async ({ query }) => {
    const limit = limitOf(query)
    return page(await webhooks.list(limit + 1, beforeOf(query, 'wh')), limit, webhookView, ({ id }) => id)
  })

  const shown = { params, response: { 200: WebhookView }, tags, summary: 'Show a webhook', operationId: 'getWebhook' }
  scope.get('/webhooks/:id', { schema: shown }, async (request, reply) => {
    const webhook = await webhooks.get(known(request.params.id, 'wh'))
    tag(reply, webhook.version)
    return webhookView(webhook)
  })

  const logged = {
    ...{ params, querystring: Query, response: { 200: pageOf(DeliveryView) }, tags },
    summary: 'List what was sent to a webhook in the last 30 days',
    operationId: 'listDeliveries',
  }
  scope.get('/webhooks/:id/deliveries', { schema: logged }, async ({ params, query }) => {
    const { id } = await webhooks.get(known(params.id, 'wh'))
    const limit = limitOf(query)
    return page(await deliveries.list(id, limit + 1, beforeOf(query, 'msg')), limit, deliveryView, ({ id }) => id)
  })
}

function changing(scope: TypedScope, rooms: AdminRooms): void {
  const { store, webhooks } = rooms
  const changed = {
    ...{ params, body: Changing, response: { 200: WebhookView }, tags },
    summary: 'Change a webhook',
    operationId: 'updateWebhook',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.patch('/webhooks/:id', { schema: changed }, async (request, reply) => {
    const was = await asSeen(request, request.params.id, rooms)
    const after = { ...settingsOf(was), ...request.body }
    const told = note(operatorOf(request).id, 'webhooks.change', was.id, settingsOf(was), after)
    const done = await store.write([...webhooks.changing(was, request.body), told])
    if (done.refused !== undefined) throw outrun(request, 'webhook')
    await webhooks.refresh()
    const now = await webhooks.get(was.id)
    tag(reply, now.version)
    return webhookView(now)
  })

  const removed = {
    ...{ params, response: { 204: Type.Null() }, tags },
    summary: 'Delete a webhook and its log',
    operationId: 'deleteWebhook',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.delete('/webhooks/:id', { schema: removed, preValidation: emptyOnly }, async (request, reply) => {
    const was = await asSeen(request, request.params.id, rooms)
    const told = note(operatorOf(request).id, 'webhooks.delete', was.id, settingsOf(was), undefined)
    const done = await store.write([...webhooks.removing(was), told])
    if (done.refused !== undefined) throw outrun(request, 'webhook')
    await webhooks.refresh()
    reply.code(204)
    return null
  })
}

function sending(scope: TypedScope, { store, webhooks, deliveries }: AdminRooms): void {
  const schema = {
    ...{ params, response: { 202: DeliveryView }, tags },
    summary: 'Send a test event; its end stands in the deliveries',
    operationId: 'testWebhook',
    ...mayRefuse('conflict'),
  }
  scope.post('/webhooks/:id/test', { schema, preValidation: emptyOnly }, async (request, reply) => {
    const { id } = await webhooks.get(known(request.params.id, 'wh'))
    const test = deliveries.testing(id)
    const told = note(operatorOf(request).id, 'webhooks.test', id, undefined, { delivery: test.id })
    const done = await store.write([...test.unit, told])
    const queued = done.refused === undefined ? await deliveries.get(test.id) : undefined
    if (!queued) throw new Problem('conflict', { sentence: 'The webhook is disabled; enable it first.' })
    reply.code(202)
    return deliveryView(queued)
  })
}

async function asSeen(request: FastifyRequest, id: string, { webhooks }: AdminRooms): Promise<Webhook> {
  const webhook = await webhooks.get(known(id, 'wh'))
  mustMatch(request, webhook.version)
  return webhook
}

function settingsOf({ url, events, enabled }: Webhook) {
  return { url, events: [...events], enabled }
}

function webhookView(webhook: Webhook): Static<typeof WebhookView> {
  return { id: webhook.id, ...settingsOf(webhook), created_at: formatTime(webhook.createdAtMs) }
}

function deliveryView(delivery: Delivery): Static<typeof DeliveryView> {
  const { id, webhookId, event, state, attempts } = delivery
  return {
    ...{ id, webhook_id: webhookId, event, state, attempts },
    next_attempt_at: formatTimeOrNull(delivery.nextAtMs),
    last_status: delivery.lastStatus,
    last_error: delivery.lastError,
    created_at: formatTime(delivery.createdAtMs),
    ended_at: formatTimeOrNull(delivery.endedAtMs),
    payload: JSON.parse(delivery.body) as Readonly<Record<string, unknown>>,
  }
}
