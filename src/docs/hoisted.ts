import { isDeepStrictEqual } from 'node:util'
import type { Described } from '../described.ts'

/**
 * Moves every schema that has a title to the components, so that it is told once and generated clients have a type of
 * that name. Throws when two differ under one title.
 */
export function hoisted(document: Described): Described {
  const schemas: Record<string, unknown> = {}

  function walk(value: unknown, key: string): unknown {
    if (Array.isArray(value)) return value.map((item) => walk(item, ''))
    if (typeof value !== 'object' || value === null || opaque.has(key)) return value
    const entries = Object.entries(value).map(([name, each]) => [name, walk(each, name)])
    const { title, ...rest } = Object.fromEntries(entries) as Record<string, unknown>
    // A property may be called title; that of a schema is a text beside its type.
    if (typeof title !== 'string' || typeof rest['type'] !== 'string') return Object.fromEntries(entries)
    schemas[title] ??= rest
    if (!isDeepStrictEqual(schemas[title], rest)) throw new Error(`two schemas are called ${title}`)
    return { $ref: `#/components/schemas/${title}` }
  }

  const { openapi, info, ...rest } = document
  const walked = walk(rest, '') as Described
  return { openapi, info, ...walked, components: { ...(walked['components'] as Described), schemas } }
}

type Responses = Record<string, unknown>

/** Moves refusals to the components, by the codes in them, so that each is told once. Throws when two differ. */
export function withSharedRefusals(document: Described, operations: readonly Record<string, unknown>[]): Described {
  const shared: Responses = {}
  for (const operation of operations) {
    const entries = Object.entries(operation['responses'] as Responses).map(([status, response]) => {
      const name = Number(status) < 400 ? undefined : nameOf(response)
      if (name === undefined) return [status, response]
      shared[name] ??= response
      if (!isDeepStrictEqual(shared[name], response)) throw new Error(`two refusals are called ${name}`)
      return [status, { $ref: `#/components/responses/${name}` }]
    })
    operation['responses'] = Object.fromEntries(entries)
  }
  return { ...document, components: { ...(document['components'] as Described), responses: shared } }
}

type Content = Readonly<Record<string, { readonly examples?: Readonly<Record<string, unknown>> }>>

/** Undefined for what is no refusal of ours, such as a 503 that is a state. */
function nameOf(response: unknown): string | undefined {
  const [[mediaType, { examples }] = ['', {}]] = Object.entries((response as { content?: Content }).content ?? {})
  if (examples === undefined) return undefined
  return [mediaType === 'application/json' ? 'paid' : 'problem', ...Object.keys(examples)].join('.')
}

/** What is no schema, whatever it looks like. */
const opaque = new Set(['example', 'examples', 'value', 'default', 'enum'])
