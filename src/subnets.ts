import { BlockList, isIP } from 'node:net'

export type Subnet = { readonly address: string; readonly prefix: number; readonly family: 'ipv4' | 'ipv6' }

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; undefined when it is none of these. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address = '', length] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? []
  const version = isIP(address)
  const widest = version === 6 ? 128 : 32
  const prefix = Number(length ?? widest)
  if (version === 0 || prefix > widest) return undefined
  return { address, prefix, family: version === 6 ? 'ipv6' : 'ipv4' }
}

/**
 * A test for addresses inside any of the subnets; IPv4 written as IPv6 (RFC 4291 section 2.5.5.2) counts as IPv4. A
 * caller who has hung up has no address any more, which is inside of none.
 */
export function inside(subnets: readonly Subnet[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const { address, prefix, family } of subnets) list.addSubnet(address, prefix, family)
  return (address) => {
    if (address === undefined) return false
    const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
    return list.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Whether every address of a subnet is inside one of the others. */
export function isWithin(subnet: Subnet, others: readonly Subnet[]): boolean {
  return others.some(
    (other) => other.family === subnet.family && other.prefix <= subnet.prefix && inside([other])(subnet.address),
  )
}
