import type { Store } from '../store/store.ts'
import type { Offer } from './offer.ts'
import { openPrices, type Prices } from './prices.ts'
import { core } from './stable-image.ts'

export type Catalog = Awaited<ReturnType<typeof openCatalog>>

/**
 * What is for sale, at the operator's present prices: an offer's `price`, `priceVersion` and `enabled` are those of
 * the moment they are read. Throws on an offer without a price: what has none must not be given away.
 */
export async function openCatalog(store: Store, offers: readonly Offer[] = [core]) {
  for (const { id, price } of offers) {
    if (!(price > 0)) throw new Error(`the offer ${id} has no price`)
  }
  const prices = await openPrices(store, offers)
  return {
    offers: offers.map((offer) => priced(offer, prices)),
    ids: offers.map(({ id }) => id),
    /** The price now in force, as one reading. */
    priceOf: prices.of,
    refresh: prices.refresh,
  }
}

function priced(offer: Offer, prices: Prices): Offer {
  return {
    ...offer,
    get price() {
      return prices.of(offer.id).credits
    },
    get priceVersion() {
      return prices.of(offer.id).version
    },
    get enabled() {
      return prices.of(offer.id).enabled
    },
  }
}
