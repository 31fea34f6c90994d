import { type Static, Type } from 'typebox'
import { allowanceBody, allowanceIn, fault, oneOf, orNull, text, time, timeIn } from '../fields.ts'
import { parseSubnet } from '../subnets.ts'
import type { KeyChange, KeyWish } from './keys.ts'

const name = text({ description: 'What the key is for.', examples: ['render farm'] })
const right = oneOf(['call', 'read', 'manage'], 'Paid calls; reading the own account; making and revoking its keys.')
const options = {
  ...allowanceBody,
  offers: Type.Optional(
    orNull(
      Type.Array(text({ description: 'An offer.', examples: ['stable-image-core'] }), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
      }),
      'Offers it may buy; null is all.',
    ),
  ),
  allow_ips: Type.Optional(
    orNull(
      Type.Array(text({ description: 'An address or CIDR.', examples: ['10.0.0.0/8'] }, 64), {
        minItems: 1,
        maxItems: 100,
        uniqueItems: true,
      }),
      'Where it may be used from; null is anywhere.',
    ),
  ),
  expires_at: Type.Optional(orNull(time({ description: 'When it ends.' }), 'When it ends; null is never.')),
  rights: Type.Optional(Type.Array(right, { minItems: 1, uniqueItems: true, description: 'What it may do.' })),
}

/** The body that makes a key. */
export const KeyWishBody = Type.Object(
  { name, mode: Type.Optional(oneOf(['live', 'test'], 'Test keys cost nothing.')), ...options },
  { title: 'KeyWish', additionalProperties: false },
)

/** The body that changes a key: what is left out stays. */
export const KeyChangeBody = Type.Object(
  { name: Type.Optional(name), ...options },
  { title: 'KeyChange', additionalProperties: false, minProperties: 1 },
)

/** The body that rotates a key. */
export const RotationBody = Type.Object(
  {
    grace_seconds: Type.Optional(
      Type.Integer({
        ...{ minimum: 0, maximum: 2_592_000, examples: [3600] },
        description: 'How long the old key lives on, at most 30 days; 0 if not given.',
      }),
    ),
  },
  { title: 'Rotation', additionalProperties: false },
)

type Known = { readonly offerIds: readonly string[]; readonly nowMs: number }

/** Throws Problem bad_request, naming every field that cannot be. */
export function keyWishIn({ name, mode, ...body }: Static<typeof KeyWishBody>, known: Known): KeyWish {
  return { name, mode, ...optionsIn(body, known) }
}

/** Throws Problem bad_request, naming every field that cannot be. */
export function keyChangeIn({ name, ...body }: Static<typeof KeyChangeBody>, known: Known): KeyChange {
  return { ...(name === undefined ? {} : { name }), ...optionsIn(body, known) }
}

type Options = Omit<Static<typeof KeyChangeBody>, 'name'>

function optionsIn({ offers, allow_ips: allowIps, expires_at: ends, rights, ...rest }: Options, known: Known) {
  const faults = [...unknownOffers(offers ?? [], known.offerIds), ...wrongSubnets(allowIps ?? [])]
  if (faults.length > 0) throw fault(...faults)
  const allowance = allowanceIn(rest)
  const expiresAtMs = ends === null ? null : timeIn('expires_at', ends)
  if (typeof expiresAtMs === 'number' && expiresAtMs <= known.nowMs) throw fault('expires_at: must be in the future')
  return {
    ...allowance,
    ...(offers === undefined ? {} : { offers }),
    ...(allowIps === undefined ? {} : { allowIps }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(rights === undefined ? {} : { rights }),
  }
}

function unknownOffers(offers: readonly string[], known: readonly string[]): string[] {
  return offers.flatMap((id, index) => (known.includes(id) ? [] : [`offers.${index}: there is no such offer`]))
}

function wrongSubnets(addresses: readonly string[]): string[] {
  return addresses.flatMap((each, index) =>
    parseSubnet(each) ? [] : [`allow_ips.${index}: must be an address or a CIDR such as 10.0.0.0/8`],
  )
}
