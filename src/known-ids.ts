import { Type } from 'typebox'
import { Problem } from './errors.ts'
import { type IdKind, isId } from './ids.ts'

export function oneId(description: string, example: string) {
  return Type.Object({ id: Type.String({ description, examples: [example] }) })
}

const nouns = {
  ...{ acc: 'account', key: 'key', call: 'call', ent: 'entry', op: 'operator', aud: 'audit row' },
  wh: 'webhook',
} as const

/** The id if it can be one; else what an id that never was gets. Throws Problem not_found. */
export function known(id: string, kind: keyof typeof nouns & IdKind): string {
  if (!isId(id, kind)) throw new Problem('not_found', { sentence: `There is no such ${nouns[kind]}.` })
  return id
}
