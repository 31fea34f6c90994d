import type { Offer } from './offer.ts'
import { core } from './stable-image.ts'

export type Catalog = ReturnType<typeof openCatalog>

/** What is for sale. Throws on an offer without a price: what has none must not be given away. */
export function openCatalog(offers: readonly Offer[] = [core]) {
  for (const { id, price } of offers) {
    if (!(price > 0)) throw new Error(`the offer ${id} has no price`)
  }
  return { offers, ids: offers.map(({ id }) => id) }
}
