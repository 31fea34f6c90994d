import { type Static, Type } from 'typebox'
import { note } from '../audit/audit.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { idText, oneOf, text, timeTold } from '../fields.ts'
import { emptyOnly } from '../json-bodies.ts'
import { digestOf, hintOf, mintKey } from '../keys/key.ts'
import { known, oneId } from '../known-ids.ts'
import type { Listed } from '../operators/operators.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import { formatTime } from '../times.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'

const name = text({ description: 'Who it is.', examples: ['Sam, on call'] })
const role = oneOf(['admin', 'viewer'], 'A viewer may look, and change nothing.')
const Making = Type.Object({ name, role }, { title: 'OperatorWish', additionalProperties: false })
const fields = {
  id: idText('op_01hq3w8kzp0000m4n5p6q7r8s9', 'The operator.'),
  name: Type.String({ examples: ['Sam, on call'] }),
  role,
  hint: Type.String({ description: 'The first 12 characters of the key.', examples: ['tg_admin_4fK'] }),
  created_at: timeTold('When it was made.'),
}
const OperatorView = Type.Object(fields, { title: 'Operator' })
const NewOperatorView = Type.Object(
  { ...fields, secret: Type.String({ description: 'The key; shown only now.', examples: ['tg_admin_...'] }) },
  { title: 'NewOperator' },
)
const Query = Type.Object(pageQuery, { additionalProperties: false })
const tags = ['operators']
const params = oneId('The operator.', 'op_01hq3w8kzp0000m4n5p6q7r8s9')

/** Who may run the house. Without a bootstrap key the last admin stays, so that somebody always can. */
export function operators(scope: TypedScope, { store, operators }: AdminRooms): void {
  const made = {
    body: Making,
    response: { 201: NewOperatorView },
    tags,
    summary: 'Make an operator key, shown once',
    operationId: 'createOperator',
  }
  scope.post('/operators', { schema: made }, async (request, reply) => {
    const { name, role } = request.body
    const secret = mintKey('admin')
    const { id, unit } = operators.adding(name, role, digestOf(secret), hintOf(secret))
    await store.write([...unit, note(operatorOf(request).id, 'operators.create', id, undefined, { name, role })])
    reply.code(201)
    return { ...operatorView(await operators.get(id)), secret }
  })

  const listed = {
    querystring: Query,
    response: { 200: pageOf(OperatorView) },
    tags,
    summary: 'List operators',
    operationId: 'listOperators',
  }
  scope.get('/operators', { schema: listed }, async ({ query }) => {
    const limit = limitOf(query)
    return page(await operators.list(limit + 1, beforeOf(query, 'op')), limit, operatorView, ({ id }) => id)
  })

  const shown = {
    params,
    response: { 200: OperatorView },
    tags,
    summary: 'Show an operator',
    operationId: 'getOperator',
  }
  scope.get('/operators/:id', { schema: shown }, async ({ params }) => {
    return operatorView(await operators.get(known(params.id, 'op')))
  })

  const removed = {
    params,
    response: { 204: Type.Null() },
    tags,
    summary: 'Remove an operator; its key ends at once',
    operationId: 'deleteOperator',
    ...mayRefuse('conflict'),
  }
  scope.delete('/operators/:id', { schema: removed, preValidation: emptyOnly }, async (request, reply) => {
    const { id, name, role } = await operators.get(known(request.params.id, 'op'))
    const told = note(operatorOf(request).id, 'operators.delete', id, { name, role }, undefined)
    const done = await store.write([...operators.removing(id), told])
    if (done.refused !== undefined) {
      throw new Problem('conflict', { sentence: 'This is the last admin; make another one first.' })
    }
    reply.code(204)
    return null
  })
}

function operatorView({ id, name, role, hint, createdAtMs }: Listed): Static<typeof OperatorView> {
  return { id, name, role, hint, created_at: formatTime(createdAtMs) }
}
