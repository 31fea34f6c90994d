import type { FastifyInstance, FastifyRequest } from 'fastify'
import { jsonCredits } from '../credits.ts'
import type { Described } from '../described.ts'
import { Problem } from '../errors.ts'
import { openEntrance } from '../keys/entrance.ts'
import type { Identity } from '../keys/keys.ts'
import type { Balance } from '../ledger/ledger.ts'
import type { GatewayRooms } from './gateway.ts'
import { lookAlikeOf } from './operation.ts'
import { stabilityErrors } from './refusals.ts'

export type LookAlikeRooms = Pick<GatewayRooms, 'catalog' | 'keys' | 'failures' | 'log'> & {
  readonly balance: (accountId: string) => Promise<Balance>
}

/** The upstream's v1 paths that clients ask for a balance: answered here with the caller's own, never forwarded. */
export async function lookAlikes(
  scope: FastifyInstance,
  { catalog, keys, failures, log, balance }: LookAlikeRooms,
): Promise<void> {
  scope.decorateRequest('caller', null)
  scope.setErrorHandler(stabilityErrors(log))
  const admit = (request: FastifyRequest, identity: Identity) => request.setDecorator('caller', identity)
  const entrance = openEntrance({ keys, failures }, admit, ({ rights }) => {
    if (!rights.includes('read')) throw new Problem('forbidden', { sentence: 'This key may not read.' })
  })
  scope.addHook('onRequest', entrance.enter)
  const callerOf = (request: FastifyRequest) => request.getDecorator<Identity>('caller')
  for (const prefix of ['/sd', '']) {
    const config = (operation: Described) => (prefix === '' ? {} : { config: { operation } })
    scope.get(`${prefix}/v1/user/balance`, config(balanceTold), async (request) => {
      const { available } = await balance(callerOf(request).accountId)
      return { credits: jsonCredits(available) }
    })
    scope.get(`${prefix}/v1/user/account`, config(accountTold), (request) => {
      return Promise.resolve({ id: callerOf(request).accountId, email: '', organizations: [], profile_picture: '' })
    })
    scope.get(`${prefix}/v1/engines/list`, config(enginesTold), () => Promise.resolve(catalog.offers.map(engineOf)))
  }
}

const text = { type: 'string' }
const exampleAccount = { id: 'acc_01hq3w8kzp0000m4n5p6q7r8s9', email: '', organizations: [], profile_picture: '' }
const balanceTold = lookAlikeOf(
  'getBalance',
  'What the account can still spend',
  { type: 'object', required: ['credits'], properties: { credits: { type: 'number' } } },
  { credits: 97 },
)
const accountTold = lookAlikeOf(
  'getAccountLookAlike',
  'Whose key this is',
  {
    type: 'object',
    required: ['id', 'email', 'organizations'],
    properties: {
      id: text,
      email: text,
      organizations: { type: 'array', items: { type: 'object' } },
      profile_picture: text,
    },
  },
  exampleAccount,
)
const enginesTold = lookAlikeOf(
  'listEngines',
  'What is for sale',
  {
    type: 'array',
    items: {
      type: 'object',
      required: ['id', 'name', 'description', 'type'],
      properties: { id: text, name: text, description: text, type: text },
    },
  },
  [engineOf({ id: 'stable-image-core' })],
)

function engineOf({ id }: { readonly id: string }) {
  return { id, name: id, description: 'Sold by this gateway.', type: 'PICTURE' }
}
