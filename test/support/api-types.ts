// After a change of the API: node test/support/api-types.ts
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../../src/config.ts'
import { openHouse } from '../../src/house.ts'
import { openLog } from '../../src/log.ts'
import { checkout } from './process.ts'

type Json = Readonly<Record<string, unknown>>
type Named = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: Json }

/** Where the types of the API are kept. */
export const apiTypesFile = fileURLToPath(new URL('../../src/api-types.ts', import.meta.url))

/** What the command line and the dashboard call. */
const ours = ['/admin/', '/portal/', '/dashboard/']

/**
 * The paths of an OpenAPI document that begin so, as types for openapi-fetch: parameters, bodies and good answers, and
 * no refusals, which all have one shape. Knows only what our schemas use, and throws at anything else.
 */
export function apiTypes(document: Json, prefixes: readonly string[] = ours): string {
  const schemas = (document['components'] as Json)['schemas'] as Record<string, Json>
  const paths = Object.entries(document['paths'] as Record<string, Json>).filter(([path]) =>
    prefixes.some((each) => path.startsWith(each)),
  )
  const told = paths.map(([path, methods]) => `${JSON.stringify(path)}: ${methodsOf(methods)}`)
  const named = namesIn(told.join(), schemas).map((name) => `type ${name} = ${typeOf(schemas[name] ?? {})}`)
  const head = '// Written by test/support/api-types.ts out of the OpenAPI document; not by hand.'
  return formatted([head, ...named, `export type paths = {${told.join(';')}}`].join('\n\n'))
}

function methodsOf(methods: Json): string {
  const lines = Object.entries(methods as Record<string, Json>).map(([method, operation]) => {
    return `${method}: { ${parametersOf(operation)}; ${bodyOf(operation)} responses: ${responsesOf(operation)} }`
  })
  return `{ ${lines.join(';')} }`
}

function parametersOf({ parameters = [] }: { readonly parameters?: readonly Named[] } & Json): string {
  const places = ['path', 'query'].flatMap((place) => {
    const fields = parameters.filter((each) => each.in === place)
    if (fields.length === 0) return []
    const isOptional = fields.every(({ required }) => !required)
    const types = fields.map(({ name, required, schema }) => `${name}${required ? '' : '?'}: ${typeOf(schema)}`)
    return [`${place}${isOptional ? '?' : ''}: { ${types.join(';')} }`]
  })
  return `parameters: { ${places.join(';') || 'query?: never'} }`
}

function bodyOf({ requestBody }: Json): string {
  if (requestBody === undefined) return ''
  const { required, content } = requestBody as { readonly required?: boolean; readonly content: Record<string, Json> }
  return `requestBody${required ? '' : '?'}: ${contentOf(content)};`
}

function responsesOf({ responses }: Json): string {
  const good = Object.entries(responses as Record<string, Json>).filter(([status]) => status.startsWith('2'))
  const lines = good.map(
    ([status, { content }]) =>
      `${status}: ${content ? contentOf(content as Record<string, Json>) : '{ content?: never }'}`,
  )
  return `{ ${lines.join(';')} }`
}

function contentOf(content: Readonly<Record<string, Json>>): string {
  const lines = Object.entries(content).map(
    ([type, { schema }]) => `${JSON.stringify(type)}: ${typeOf(schema as Json)}`,
  )
  return `{ content: { ${lines.join(';')} } }`
}

function typeOf(schema: Json): string {
  const { $ref, type, enum: words, const: value, anyOf, items, properties } = schema
  if ($ref !== undefined) return String($ref).replace('#/components/schemas/', '')
  if (Array.isArray(anyOf)) return anyOf.map(typeOf).join(' | ')
  if (Array.isArray(type)) return type.map((each) => typeOf({ ...schema, type: each })).join(' | ')
  if (value !== undefined) return JSON.stringify(value)
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ')
  if (type === 'object') return Object.keys(properties ?? {}).length > 0 ? objectOf(schema) : 'Record<string, unknown>'
  if (type === 'array') return `(${typeOf(items as Json)})[]`
  if (type === 'integer') return 'number'
  if (type === 'string' || type === 'number' || type === 'boolean' || type === 'null') return type
  throw new Error(`no type for ${JSON.stringify(schema)}`)
}

function objectOf({ properties, required = [] }: Json): string {
  const fields = Object.entries(properties as Record<string, Json>).map(([name, schema]) => {
    return `${name}${(required as string[]).includes(name) ? '' : '?'}: ${typeOf(schema)}`
  })
  return `{ ${fields.join(';')} }`
}

/** The schemas a text names, and those they name themselves. */
function namesIn(text: string, schemas: Readonly<Record<string, Json>>): string[] {
  const found = new Set<string>()
  const look = (text: string) => {
    for (const [word] of text.matchAll(/\b[A-Z]\w+\b/g)) {
      const schema = schemas[word]
      if (!schema || found.has(word)) continue
      found.add(word)
      look(typeOf(schema))
    }
  }
  look(text)
  return [...found].sort()
}

function formatted(text: string): string {
  const biome = fileURLToPath(new URL('../../node_modules/.bin/biome', import.meta.url))
  return execFileSync(biome, ['format', '--stdin-file-path=src/api-types.ts'], {
    cwd: checkout,
    input: text,
    encoding: 'utf8',
  })
}

async function documentNow(): Promise<Json> {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-types-'))
  const { config } = loadConfig({ PORT: '0', DATABASE_URL: `sqlite:${join(folder, 'house.db')}` })
  const house = await openHouse(config, openLog('silent', false, { write: () => undefined }))
  try {
    return (await (await fetch(`${house.origin}/openapi.json`)).json()) as Json
  } finally {
    await house.close(1000)
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) writeFileSync(apiTypesFile, apiTypes(await documentNow()))
