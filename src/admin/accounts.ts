import { type Static, Type } from 'typebox'
import { AccountView, accountSettings, accountStatuses, accountView } from '../accounts/account-view.ts'
import { type Account, type AccountChange, changing } from '../accounts/accounts.ts'
import { forgetting, noteApart } from '../audit/audit.ts'
import { jsonCredits } from '../credits.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { allowanceBody, allowanceIn, amount, creditsIn, filter, oneOf, text } from '../fields.ts'
import { newId } from '../ids.ts'
import { known, oneId } from '../known-ids.ts'
import * as texts from '../ledger/texts.ts'
import { beforeOf, limitOf, page, pageOf, pageQuery } from '../pages.ts'
import type { Statement } from '../store/store.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'
import { mustMatch, outrun, tag } from './versions.ts'

const closed = { additionalProperties: false }
const name = text({ description: 'What the account is called.', examples: ['Design team'] })
const status = oneOf(accountStatuses, 'Closing revokes the keys, freezes the balance and erases the name, for good.')
const Making = Type.Object(
  {
    name,
    external_id: Type.Optional(
      text({ description: 'Your own id for it, unique in the house.', examples: ['crm-4711'] }),
    ),
    credits: Type.Optional(amount({ description: 'Credits to begin with, at least 0.', examples: [100] })),
  },
  { title: 'AccountWish', ...closed },
)
const Changing = Type.Object(
  { name: Type.Optional(name), status: Type.Optional(status), ...allowanceBody },
  { title: 'AccountChange', ...closed, minProperties: 1 },
)
const Query = Type.Object(
  {
    q: filter('An id, or what a name, a word of it or an external id begins with, in any letter case.'),
    status: Type.Optional(oneOf(accountStatuses, 'Only accounts in this state.')),
    ...pageQuery,
  },
  closed,
)
const tags = ['accounts']
const params = oneId('The account.', 'acc_01hq3w8kzp0000m4n5p6q7r8s9')

/** `POST`, `GET`, `PATCH /accounts`: who owns credits. */
export function accounts(scope: TypedScope, rooms: AdminRooms): void {
  const made = {
    body: Making,
    response: { 201: AccountView },
    tags,
    summary: 'Make an account',
    operationId: 'createAccount',
    ...mayRefuse('conflict'),
  }
  scope.post('/accounts', { schema: made }, async (request, reply) => {
    const account = await make(request.body, operatorOf(request).id, rooms)
    tag(reply.code(201), account.version)
    return accountView(account, Date.now())
  })

  const listed = {
    querystring: Query,
    response: { 200: pageOf(AccountView) },
    tags,
    summary: 'List accounts',
    operationId: 'listAccounts',
  }
  scope.get('/accounts', { schema: listed }, async ({ query }) => {
    const { q, status } = query
    const [limit, nowMs] = [limitOf(query), Date.now()]
    const rows = await rooms.accounts.list({ q, status, before: beforeOf(query, 'acc'), limit: limit + 1 })
    return page(
      rows,
      limit,
      (account) => accountView(account, nowMs),
      ({ id }) => id,
    )
  })

  const shown = {
    params,
    response: { 200: AccountView },
    tags,
    summary: 'Show an account and its balance',
    operationId: 'getAccount',
  }
  scope.get('/accounts/:id', { schema: shown }, async (request, reply) => {
    const account = await rooms.accounts.get(known(request.params.id, 'acc'))
    tag(reply, account.version)
    return accountView(account, Date.now())
  })

  const changed = {
    params,
    body: Changing,
    response: { 200: AccountView },
    tags,
    summary: 'Change an account',
    operationId: 'updateAccount',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.patch('/accounts/:id', { schema: changed }, async (request, reply) => {
    const account = await rooms.accounts.get(known(request.params.id, 'acc'))
    mustMatch(request, account.version)
    const unit = changeOf(account, wishIn(request.body), operatorOf(request).id, rooms)
    const done = await rooms.store.write(unit)
    rooms.keys.forget()
    if (done.refused !== undefined) throw outrun(request, 'account')
    const now = await rooms.accounts.get(account.id)
    tag(reply, now.version)
    return accountView(now, Date.now())
  })
}

async function make(body: Static<typeof Making>, actor: string, { store, accounts }: AdminRooms): Promise<Account> {
  const credits = creditsIn('credits', body.credits ?? 0)
  if (credits < 0) throw new Problem('bad_request', { errors: ['credits: must be at least 0'] })
  const externalId = body.external_id ?? null
  const { id, unit } = accounts.creating(body.name, externalId)
  const gift = { accountId: id, credits, reason: 'opening credits' }
  const grant = credits > 0 ? texts.grant(gift, newId('ent'), Date.now()) : []
  const particulars = { after: { name: body.name, external_id: externalId } }
  const after = { status: 'active', credits: jsonCredits(credits) }
  const done = await store.write([
    ...unit,
    ...grant,
    ...noteApart(actor, 'accounts.create', id, { after }, particulars),
  ])
  if (done.refused !== undefined) {
    throw new Problem('conflict', { sentence: 'Another account has this external_id.' })
  }
  return accounts.get(id)
}

function wishIn({ name, status, ...body }: Static<typeof Changing>): AccountChange {
  return {
    ...(name === undefined ? {} : { name }),
    ...(status === undefined ? {} : { status }),
    ...allowanceIn(body),
  }
}

/** A change and its audit row; closing ends the keys too, and what the audit says of the person. */
function changeOf(account: Account, wish: AccountChange, actor: string, { keys }: AdminRooms): Statement[] {
  const { next, unit } = changing(account, wish)
  const [was, will] = [accountSettings(account), accountSettings(next)]
  const settings = { before: was.settings, after: will.settings }
  const particulars = { before: was.particulars, after: will.particulars }
  const told = noteApart(actor, 'accounts.change', account.id, settings, particulars)
  if (next.status !== 'closed') return [...unit, ...told]
  return [...unit, keys.revokingAll(account.id), ...told, forgetting(account.id)]
}
