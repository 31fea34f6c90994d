import type { Credits } from '../credits.ts'
import { Problem } from '../errors.ts'
import type { Row, Statement, Store } from '../store/store.ts'

/** What an offer costs from one change to the next. */
export type Price = { readonly version: number; readonly credits: Credits; readonly enabled: boolean }

type Priced = { readonly id: string; readonly price: Credits; readonly enabled: boolean }

/** Other replicas hear of a new price within twice as long. */
const freshMs = 1000

export type Prices = Awaited<ReturnType<typeof openPrices>>

/** The prices of the house. Version 1 is the one an offer came with when it was first for sale here. */
export async function openPrices(store: Store, offers: readonly Priced[]) {
  await store.write(offers.map(first))
  let prices = await read(store)
  let readAtMs = performance.now()
  let stale = false
  let reading = false

  /** Reads the prices again; until then holds use the ones before. Throws StoreUnavailable. */
  async function refresh(): Promise<void> {
    stale = true
    prices = await read(store)
    stale = false
    readAtMs = performance.now()
  }

  /** The price now in force. On one server it is always the last one written. */
  function of(id: string): Price {
    const old = stale || (store.dialect !== 'sqlite' && performance.now() - readAtMs > freshMs)
    if (old && !reading) {
      reading = true
      // Without a database there is no hold either, so an old price does no harm meanwhile.
      refresh().then(free, free)
    }
    const price = prices.get(id)
    if (!price) throw new Error(`the offer ${id} has no price`)
    return price
  }

  function free(): void {
    reading = false
  }

  return { of, refresh }
}

/** The statement of the version after `price`; refuses as `version` when somebody else was quicker. */
export function repricing(id: string, price: Price, reason: string): Statement {
  if (price.credits <= 0) throw new Problem('bad_request', { errors: ['credits: must be above 0'] })
  const params = [id, price.version, price.credits, price.enabled ? 1 : 0, reason, Date.now()]
  return { sql: insert, params, must: 'version' }
}

const insert = `INSERT INTO prices (offer, version, credits, enabled, reason, created_at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (offer, version) DO NOTHING`
const latest = `SELECT prices.* FROM prices JOIN (SELECT offer, max(version) AS version FROM prices GROUP BY offer) AS newest
  ON newest.offer = prices.offer AND newest.version = prices.version`

function first({ id, price, enabled }: Priced): Statement {
  return { sql: insert, params: [id, 1, price, enabled ? 1 : 0, 'the price it came with', Date.now()] }
}

async function read(store: Store): Promise<ReadonlyMap<string, Price>> {
  return new Map((await store.read(latest)).map((row) => [String(row['offer']), priceOf(row)]))
}

function priceOf(row: Row): Price {
  return {
    version: Number(row['version']),
    credits: Number(row['credits']) as Credits,
    enabled: Number(row['enabled']) === 1,
  }
}
