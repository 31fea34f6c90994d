import type { FastifyRequest } from 'fastify'
import type { Offer } from '../catalog/offer.ts'
import { Problem } from '../errors.ts'
import type { Identity } from '../keys/keys.ts'

/** Refuses a key that may not make paid calls, or not this one. */
export function mayBuy({ rights, offers }: Identity, offer: Offer): void {
  if (!rights.includes('call')) throw new Problem('forbidden', { sentence: 'This key may not make paid calls.' })
  if (offers && !offers.includes(offer.id)) {
    throw new Problem('forbidden', { sentence: `This key may not buy ${offer.id}.` })
  }
}

export type Accept = 'application/json' | 'image/*'

/** What the caller wants back: JSON if the accept header names it, else a picture. Throws Problem not_acceptable. */
export function acceptOf({ headers }: FastifyRequest): Accept {
  const accept = headers.accept?.toLowerCase() ?? ''
  if (accept.trim() === '') return 'image/*'
  const types = accept.split(',').map((range) => (range.split(';')[0] ?? '').trim())
  if (types.includes('application/json')) return 'application/json'
  if (types.some((type) => type === '*/*' || /^image\/[\w*.+-]+$/.test(type))) return 'image/*'
  throw new Problem('not_acceptable')
}
