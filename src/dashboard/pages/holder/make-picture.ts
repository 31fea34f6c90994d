import { proof } from '../api.ts'
import { refusedBy, unreached } from '../refused.ts'
import { fieldsOf, type PictureWish } from './wish.ts'

export type Made = {
  /** A blob of this page; given back with URL.revokeObjectURL. */
  readonly address: string
  readonly prompt: string
  readonly file: string
  readonly call: string
  readonly charged: string
  readonly available: string
  readonly seed: string
  readonly isFiltered: boolean
}

/** Buys one picture with the session, which pays as its key does. Sent once, whatever happens. Throws Refused. */
export async function makePicture(path: string, wish: PictureWish): Promise<Made> {
  const body = new FormData()
  for (const [name, value] of fieldsOf(wish)) body.set(name, value)
  const headers = { accept: 'image/*', ...proof() }
  const response = await fetch(`/dashboard/playground${path}`, { method: 'POST', headers, body }).catch(unreached)
  if (!response.ok) throw refusedBy(response.status, await response.json().catch(() => undefined))
  const told = (name: string) => response.headers.get(name) ?? ''
  const call = told('x-request-id')
  return {
    address: URL.createObjectURL(await response.blob().catch(unreached)),
    prompt: wish.prompt,
    file: `${call}.${wish.format}`,
    call,
    charged: told('x-credits-charged'),
    available: told('x-credits-available'),
    seed: told('seed'),
    isFiltered: told('finish-reason') === 'CONTENT_FILTERED',
  }
}
