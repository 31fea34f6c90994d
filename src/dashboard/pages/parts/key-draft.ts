import { isReady, type KeyWish, type LimitsDraft, limitsDraft, limitsIn } from './limits.ts'

type Right = NonNullable<KeyWish['rights']>[number]

/** A key as it is typed before it is one. */
export type KeyDraft = LimitsDraft & {
  readonly name: string
  readonly mode: 'live' | 'test'
  readonly rights: readonly Right[]
  readonly offers: readonly string[]
  readonly ips: string
  readonly expires: string
}

export const rightsKnown: readonly Right[] = ['call', 'read', 'manage']

type Known = Omit<KeyWish, 'rights' | 'mode'> & { readonly rights: readonly string[]; readonly mode: 'live' | 'test' }

export function keyDraft(key?: Known): KeyDraft {
  return {
    ...limitsDraft(key),
    name: key?.name ?? '',
    mode: key?.mode ?? 'live',
    rights: key ? rightsKnown.filter((right) => key.rights.includes(right)) : ['call', 'read'],
    offers: key?.offers ?? [],
    ips: (key?.allow_ips ?? []).join(', '),
    expires: localText(key?.expires_at),
  }
}

export function isKey(draft: KeyDraft): boolean {
  return draft.name.trim() !== '' && draft.rights.length > 0 && isReady(draft)
}

/** Only what was filled in: at the portal, what is left out is as on the key that asks. */
export function wishOf(draft: KeyDraft): KeyWish {
  const given = Object.entries(changeOf(draft)).filter(([, value]) => value !== null)
  return { name: draft.name.trim(), mode: draft.mode, rights: [...draft.rights], ...Object.fromEntries(given) }
}

/** Everything, so that a field that was emptied takes its bound away. */
export function changeOf({ name, rights, offers, ips, expires, ...draft }: KeyDraft) {
  const addresses = ips.split(/[\s,]+/).filter((each) => each !== '')
  return {
    name: name.trim(),
    rights: [...rights],
    ...limitsIn(draft),
    offers: offers.length === 0 ? null : [...offers],
    allow_ips: addresses.length === 0 ? null : addresses,
    expires_at: expires === '' ? null : new Date(expires).toISOString(),
  }
}

/** As a field of type datetime-local wants it: the reader's own clock, to the minute. */
function localText(at: string | null | undefined): string {
  if (!at) return ''
  const here = new Date(at)
  const shifted = new Date(here.getTime() - here.getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 16)
}
