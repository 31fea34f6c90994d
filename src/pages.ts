import { type TSchema, Type } from 'typebox'
import type { Problem } from './errors.ts'
import { fault, pattern } from './fields.ts'
import { type IdKind, isId } from './ids.ts'

const exampleCursor = 'Y2FsbF8wMWhxM3c4a3pwMDAwMG00bjVwNnE3cjhzOQ'

/** What every list takes. Query values are text, so the number is one by pattern. */
export const pageQuery = {
  limit: Type.Optional(
    Type.String({
      pattern: pattern('^(?:[1-9][0-9]?|1[0-9][0-9]|200)$', 'must be a whole number from 1 to 200'),
      description: 'How many at most, 1 to 200; 50 if not given.',
      examples: ['50'],
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      pattern: pattern('^[A-Za-z0-9_-]+$', 'is none that was given out here'),
      description: 'Where to go on: `next_cursor` of the page before.',
      examples: [exampleCursor],
    }),
  ),
}

export function limitOf({ limit }: { readonly limit?: string }): number {
  return limit === undefined ? 50 : Number(limit)
}

/** The envelope of every list. */
export function pageOf<Item extends TSchema>(item: Item) {
  return Type.Object({
    data: Type.Array(item, { description: 'Newest first.' }),
    next_cursor: Type.Union([Type.String({ examples: [exampleCursor] }), Type.Null()], {
      description: 'Null on the last page.',
    }),
  })
}

/** Cuts rows read one more than asked into a page. */
export function page<Row, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
  at: (row: Row) => string,
) {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return { data: rows.slice(0, limit).map(view), next_cursor: last === undefined ? null : cursorAt(at(last)) }
}

function cursorAt(place: string): string {
  return Buffer.from(place).toString('base64url')
}

/** What a cursor gets that no list gave out. */
export function forged(): Problem {
  return fault('cursor: is none that was given out here')
}

/** The text inside a cursor. Throws Problem bad_request for what no list gave out. */
export function placeOf<Place>(cursor: string, read: (text: string) => Place | undefined): Place {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  const place = cursorAt(text) === cursor ? read(text) : undefined
  if (place === undefined) throw forged()
  return place
}

/** The id a list goes on after. Throws Problem bad_request. */
export function beforeOf({ cursor }: { readonly cursor?: string }, kind: IdKind): string | undefined {
  if (cursor === undefined) return undefined
  return placeOf(cursor, (text) => (isId(text, kind) ? text : undefined))
}
