import type { Allowance } from '../allowance.ts'
import type { Statement } from '../store/store.ts'
import { isWithin, parseSubnet, type Subnet } from '../subnets.ts'
import type { Key, KeyWish } from './keys.ts'

type Bounds = Pick<Key, 'mode' | 'rights' | 'offers' | 'allowIps' | 'expiresAtMs'> & Allowance

/** A wish whose every gap is filled by what the maker's own key has; rights left out are the usual ones it has. */
export function narrowed(wish: KeyWish, maker: Bounds): KeyWish & Bounds {
  const usual = maker.rights.filter((right) => right !== 'manage')
  return {
    ...wish,
    mode: wish.mode ?? maker.mode,
    rights: wish.rights ?? (usual.length > 0 ? usual : maker.rights),
    offers: wish.offers === undefined ? maker.offers : wish.offers,
    allowIps: wish.allowIps === undefined ? maker.allowIps : wish.allowIps,
    expiresAtMs: wish.expiresAtMs === undefined ? maker.expiresAtMs : wish.expiresAtMs,
    rate: wish.rate === undefined ? maker.rate : wish.rate,
    maxConcurrency: wish.maxConcurrency === undefined ? maker.maxConcurrency : wish.maxConcurrency,
    quota: wish.quota === undefined ? maker.quota : wish.quota,
  }
}

/**
 * In what a key would be wider than its maker's, as `field: reason`; empty when in nothing. No bound at all is wider
 * than any; a rate of null is the house's, which may be raised, and so wider than a rate of the key's own.
 */
export function widerIn(key: Bounds, maker: Bounds): string[] {
  const lines: readonly (readonly [field: string, wider: boolean, than: string])[] = [
    ['mode', key.mode === 'live' && maker.mode === 'test', 'a test key makes test keys only'],
    ['rights', key.rights.some((right) => !maker.rights.includes(right)), `it has ${maker.rights.join(', ')}`],
    ['offers', moreOffers(key.offers, maker.offers), `it may buy ${maker.offers?.join(', ')}`],
    ['allow_ips', moreAddresses(key.allowIps, maker.allowIps), `it is bound to ${maker.allowIps?.join(', ')}`],
    ['rate', moreCalls(key.rate, maker.rate), `it has ${maker.rate?.calls} calls in ${maker.rate?.windowSeconds} s`],
    ['max_concurrency', more(key.maxConcurrency, maker.maxConcurrency), `it has ${maker.maxConcurrency}`],
    ['quota', moreCredits(key.quota, maker.quota), 'its own quota is smaller'],
    ['expires_at', more(key.expiresAtMs, maker.expiresAtMs), 'it ends earlier'],
  ]
  return lines.flatMap(([field, wider, than]) => (wider ? [`${field}: is wider than your own key's: ${than}`] : []))
}

function moreOffers(offers: Bounds['offers'], own: Bounds['offers']): boolean {
  return own !== null && (offers === null || offers.some((offer) => !own.includes(offer)))
}

function moreAddresses(addresses: Bounds['allowIps'], own: Bounds['allowIps']): boolean {
  if (own === null) return false
  const others = subnetsOf(own)
  return addresses === null || addresses.length === 0 || !subnetsOf(addresses).every((each) => isWithin(each, others))
}

function subnetsOf(addresses: readonly string[]): readonly Subnet[] {
  return addresses.map(parseSubnet).filter((subnet): subnet is Subnet => subnet !== undefined)
}

// Short windows are counted as often as they fit into the maker's.
function moreCalls(rate: Bounds['rate'], own: Bounds['rate']): boolean {
  if (own === null) return false
  return rate === null || rate.calls * Math.ceil(own.windowSeconds / rate.windowSeconds) > own.calls
}

const periods = ['day', 'month', 'total'] as const

/** The same credits for a longer period are fewer. */
function moreCredits(quota: Bounds['quota'], own: Bounds['quota']): boolean {
  if (own === null) return false
  if (quota === null || quota.credits > own.credits) return true
  return periods.indexOf(quota.period) < periods.indexOf(own.period)
}

function more(bound: number | null, own: number | null): boolean {
  return own !== null && (bound === null || bound > own)
}

/** Refuses a unit as `caller` when the key that asked for it was changed, revoked or has ended meanwhile. */
export function stillStands({ id, version }: Key): Statement {
  const sql = `UPDATE keys SET version = version
    WHERE id = $1 AND version = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)`
  return { sql, params: [id, version, Date.now()], must: 'caller' }
}
