import { Type } from 'typebox'
import { jsonCredits } from '../credits.ts'
import { pageOf } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import { callerOf, type PortalRooms } from './portal.ts'

const OwnOfferView = Type.Object(
  {
    id: Type.String({ examples: ['stable-image-core'] }),
    method: Type.String({ examples: ['POST'] }),
    paths: Type.Array(Type.String({ examples: ['/sd/v2beta/stable-image/generate/core'] }), {
      description: 'Where it is sold here.',
    }),
    credits: Type.Number({ description: 'What a call costs at most at present.', examples: [3] }),
    price_version: Type.Integer({ description: 'Grows with every change of the price.', examples: [1] }),
  },
  { title: 'OwnOffer' },
)

/** `GET /offers`: what the key that asks may buy, and what it costs. */
export function offers(scope: TypedScope, { catalog }: PortalRooms): void {
  const schema = {
    ...{ querystring: Type.Object({}, { additionalProperties: false }), response: { 200: pageOf(OwnOfferView) } },
    ...{ tags: ['own account'], operationId: 'listOwnOffers', summary: 'List what this key may buy, and its price' },
  }
  scope.get('/offers', { schema }, async (request) => {
    const { offers: bought } = callerOf(request)
    const data = catalog.offers.flatMap(({ id, method, paths }) => {
      const { enabled, credits, version } = catalog.priceOf(id)
      if (!enabled || (bought !== null && !bought.includes(id))) return []
      return [{ id, method, paths: [...paths], credits: jsonCredits(credits), price_version: version }]
    })
    return { data, next_cursor: null }
  })
}
