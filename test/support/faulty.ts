import { type Document, meant, type Schema } from './operations.ts'

/** A body with one thing wrong, and the field that must be named. */
export type Faulty = { readonly body: unknown; readonly field: string }

/** Every way a body can fail its schema that the schema itself tells of, one at a time, however deep. */
export function faultyBodies(document: Document, schema: Schema, good: unknown): Faulty[] {
  const whole = ['text', 7, true, []].map((body) => ({ body, field: 'body' }))
  return [...whole, ...faultyParts(document, meant(document, schema), good as Json, '', (body) => body)]
}

type Json = Readonly<Record<string, unknown>>

function faultyParts(
  document: Document,
  { properties = {}, required = [] }: Schema,
  good: Json,
  path: string,
  within: (part: Json) => unknown,
): Faulty[] {
  const named = (name: string) => (path === '' ? name : `${path}.${name}`)
  const unknown = { body: within({ ...good, colour: 'blue' }), field: named('colour') }
  const missing = required.map((name) => {
    const { [name]: _, ...rest } = good
    return { body: within(rest), field: named(name) }
  })
  const wrong = Object.entries(properties).flatMap(([name, property]) => {
    const put = (value: unknown) => within({ ...good, [name]: value })
    const { type, ...schema } = meant(document, property)
    const values = [...wrongTypes(type, isNullable(property)), ...wrongValues({ type, ...schema })]
    const faults = values.map((value) => ({ body: put(value), field: named(name) }))
    if (type !== 'object') return faults
    return [...faults, ...faultyParts(document, { type, ...schema }, good[name] as Json, named(name), put)]
  })
  return [unknown, ...missing, ...wrong]
}

function isNullable({ anyOf = [] }: Schema): boolean {
  return anyOf.some(({ type }) => type === 'null')
}

const samples = { string: ['7', 'true', ''], number: [7], boolean: [true], object: [{}], array: [[]] }

/** What other types a caller might send; none is bent into the right one. */
function wrongTypes(type: string | undefined, nullable: boolean): unknown[] {
  const own = type === 'integer' ? 'number' : type
  const others = Object.entries(samples).flatMap(([kind, values]): unknown[] => (kind === own ? [] : values))
  return nullable ? others : [null, ...others]
}

function wrongValues(schema: Schema): unknown[] {
  const { type, enum: words, items } = schema
  if (words) return ['no such word', `${words[0]} `, words[0]?.toUpperCase()]
  if (type === 'string') return wrongTexts(schema)
  if (type === 'integer' || type === 'number') return wrongNumbers(schema)
  return type === 'array' && items ? [[7], [null], [{}], ['no such word\u0000']] : []
}

function wrongTexts({ minLength, maxLength }: Schema): unknown[] {
  const odd = ['\u0000', 'a\u001b[2Jb', 'a\nb', 'a\u009fb', 'a\ud800b', '   ']
  const short = minLength === undefined ? [] : ['']
  return [...odd, ...short, ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)])]
}

function wrongNumbers({ type, minimum, maximum }: Schema): unknown[] {
  const bounds = [minimum === undefined ? [] : [minimum - 1], maximum === undefined ? [] : [maximum + 1]].flat()
  return [...bounds, ...(type === 'integer' ? [1.5] : [1e300])]
}
