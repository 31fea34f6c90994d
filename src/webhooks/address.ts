import { BlockList, isIP } from 'node:net'

/** Longer ones are refused: they would be a place to keep things rather than an address. */
const longestUrl = 2048

/** IPv4 that is not the public internet: the IANA special-purpose registry (RFC 6890), multicast and class E. */
const privateRanges: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const refused = new BlockList()
const publicSix = new BlockList()
const nowhere = new BlockList()

for (const [network, prefix] of privateRanges) {
  refused.addSubnet(network, prefix, 'ipv4')
  // A translator (RFC 6052) would carry the packet to the IPv4 address inside.
  refused.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
}
// Inside the global unicast block: protocol assignments with Teredo, documentation, and 6to4.
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  refused.addSubnet(network, prefix, 'ipv6')
}
// Of IPv6 only what is handed out as global unicast is public (RFC 4291 section 2.4), and the translator's prefix.
publicSix.addSubnet('2000::', 3, 'ipv6')
publicSix.addSubnet('64:ff9b::', 96, 'ipv6')
// Unspecified, multicast and broadcast: nobody there can be a receiver, whatever is allowed.
nowhere.addSubnet('0.0.0.0', 8, 'ipv4')
nowhere.addSubnet('224.0.0.0', 4, 'ipv4')
nowhere.addSubnet('240.0.0.0', 4, 'ipv4')
nowhere.addAddress('::', 'ipv6')
nowhere.addSubnet('ff00::', 8, 'ipv6')

/** Whether a webhook may be sent to an IP address; what is no address may not. */
export function mayReach(address: string, allowPrivate: boolean): boolean {
  const version = isIP(address)
  if (version === 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  // A BlockList knows IPv4 written as IPv6 (RFC 4291 section 2.5.5.2) by its IPv4 rules.
  if (nowhere.check(address, family)) return false
  if (allowPrivate) return true
  if (refused.check(address, family)) return false
  return version === 4 || publicSix.check(address, family)
}

/** The host of a URL as the resolver takes it: an IPv6 address without its brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** Why a URL cannot be that of a webhook, without repeating any of it; empty when it can. */
export function urlFaults(text: string, allowPrivate: boolean): string[] {
  if (text.length > longestUrl) return [`must be at most ${longestUrl} characters`]
  // The parser drops line breaks and forgives spaces, so a text that has any is refused before it is parsed.
  const url = /^[\x21-\x7e]+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (!url?.hostname) return ['must be a URL such as https://example.com/hooks']
  const faults: string[] = []
  if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) faults.push('must begin with https://')
  if (url.username || url.password) faults.push('must not hold user info; every request is signed instead')
  if (url.port === '0') faults.push('must not have port 0')
  if (text.includes('#')) faults.push('must not have a fragment')
  if (isPrivateHost(hostOf(url), allowPrivate)) faults.push('must not be a private address')
  return faults
}

/** What a name stands for is asked at every sending; here only what needs no asking. */
function isPrivateHost(host: string, allowPrivate: boolean): boolean {
  if (isIP(host) !== 0) return !mayReach(host, allowPrivate)
  return !allowPrivate && /(^|\.)localhost\.?$/i.test(host)
}
