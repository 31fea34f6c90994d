import { type Static, Type } from 'typebox'
import { note } from '../audit/audit.ts'
import type { Offer } from '../catalog/offer.ts'
import { type Price, repricing } from '../catalog/prices.ts'
import { jsonCredits } from '../credits.ts'
import { mayRefuse } from '../described.ts'
import { Problem } from '../errors.ts'
import { amount, creditsIn, fault, text } from '../fields.ts'
import { oneId } from '../known-ids.ts'
import { pageOf } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'
import { operatorOf } from './guard.ts'
import { mustMatch, outrun, tag } from './versions.ts'

const OfferView = Type.Object(
  {
    id: Type.String({ examples: ['stable-image-core'] }),
    upstream: Type.String({ examples: ['stability'] }),
    method: Type.String({ examples: ['POST'] }),
    paths: Type.Array(Type.String({ examples: ['/sd/v2beta/stable-image/generate/core'] }), {
      description: 'Where it is sold here.',
    }),
    enabled: Type.Boolean({ description: 'Whether it is for sale at present.' }),
    credits: Type.Number({ description: 'What it costs at present.', examples: [3] }),
    price_version: Type.Integer({ description: 'Grows with every change; calls name the one they were held at.' }),
  },
  { title: 'Offer' },
)
const Repricing = Type.Object(
  {
    enabled: Type.Optional(Type.Boolean({ description: 'Whether it is for sale.' })),
    credits: Type.Optional(amount({ description: 'What it costs from now on, above 0.', examples: [3.5] })),
    reason: text({ description: 'Why.', examples: ['price list of December'] }),
  },
  { title: 'Repricing', additionalProperties: false },
)
const tags = ['offers']
const params = oneId('The offer.', 'stable-image-core')

/** What is for sale, and at which price; every change is a new version of the price. */
export function offers(scope: TypedScope, rooms: AdminRooms): void {
  const { catalog, store } = rooms
  const listed = { response: { 200: pageOf(OfferView) }, querystring: Type.Object({}, { additionalProperties: false }) }
  scope.get('/offers', { schema: { ...listed, tags, summary: 'List offers', operationId: 'listOffers' } }, async () => {
    return { data: catalog.offers.map((offer) => offerView(offer, catalog.priceOf(offer.id))), next_cursor: null }
  })

  const shown = { params, response: { 200: OfferView }, tags, summary: 'Show an offer', operationId: 'getOffer' }
  scope.get('/offers/:id', { schema: shown }, async (request, reply) => {
    const offer = oneOffer(request.params.id, rooms)
    const price = catalog.priceOf(offer.id)
    tag(reply, price.version)
    return offerView(offer, price)
  })

  const changed = {
    params,
    body: Repricing,
    response: { 200: OfferView },
    tags,
    summary: 'Change a price',
    operationId: 'updateOffer',
    ...mayRefuse('conflict', 'precondition_failed'),
  }
  scope.patch('/offers/:id', { schema: changed }, async (request, reply) => {
    const offer = oneOffer(request.params.id, rooms)
    const [was, { reason }] = [catalog.priceOf(offer.id), request.body]
    mustMatch(request, was.version)
    const price = nextOf(was, request.body)
    const after = { ...priceView(price), reason }
    const told = note(operatorOf(request).id, 'offers.change', offer.id, priceView(was), after)
    const done = await store.write([repricing(offer.id, price, reason), told])
    await catalog.refresh()
    if (done.refused !== undefined) throw outrun(request, 'price')
    tag(reply, price.version)
    return offerView(offer, price)
  })
}

function oneOffer(id: string, { catalog }: AdminRooms): Offer {
  const offer = catalog.offers.find((each) => each.id === id)
  if (!offer) throw new Problem('not_found', { sentence: 'There is no such offer.' })
  return offer
}

function nextOf(was: Price, { enabled, credits }: Static<typeof Repricing>): Price {
  if (enabled === undefined && credits === undefined) throw fault('credits: give this or enabled')
  return {
    version: was.version + 1,
    enabled: enabled ?? was.enabled,
    credits: credits === undefined ? was.credits : creditsIn('credits', credits),
  }
}

function priceView({ version, credits, enabled }: Price) {
  return { enabled, credits: jsonCredits(credits), price_version: version }
}

function offerView({ id, upstream, method, paths }: Offer, price: Price): Static<typeof OfferView> {
  return { id, upstream, method, paths: [...paths], ...priceView(price) }
}
