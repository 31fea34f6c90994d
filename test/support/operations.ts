import assert from 'node:assert/strict'
import type { TestHouse } from './house.ts'

export type Schema = {
  readonly $ref?: string
  readonly type?: string
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

type Parameter = { readonly in: 'path' | 'query' | 'header'; readonly name: string; readonly schema: Schema }
type Media = { readonly schema: Schema; readonly example?: unknown }
type Told = {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>
}

export type Document = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Told>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** One operation of the living document of a house, which is made of the routes themselves. */
export type Operation = {
  readonly id: string
  readonly method: string
  /** With `{id}` where an id stands. */
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** What its body must fit; undefined where there is none, or one that is no JSON. */
  readonly body: Schema | undefined
  readonly example: unknown
  readonly statuses: readonly number[]
  /** What the answer of that status must fit. */
  answer(status: number): Schema | undefined
}

/** Every operation of a house, and its document with which their schemas are read. */
export async function operationsOf(house: TestHouse): Promise<{ document: Document; operations: Operation[] }> {
  const reply = await house.client.json('GET', '/openapi.json')
  assert.equal(reply.status, 200)
  const document = reply.json() as Document
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, told]) => operationOf(method.toUpperCase(), path, told)),
  )
  return { document, operations }
}

function operationOf(method: string, path: string, told: Told): Operation {
  const json = told.requestBody?.content['application/json']
  return {
    ...{ id: told.operationId, method, path, parameters: told.parameters ?? [] },
    ...{ body: json?.schema, example: json?.example },
    statuses: Object.keys(told.responses).map(Number),
    answer: (status) => told.responses[status]?.content?.['application/json']?.schema,
  }
}

/** The operations of one door. */
export function behindDoor(operations: readonly Operation[], ...prefixes: readonly string[]): readonly Operation[] {
  return operations.filter(({ path }) => prefixes.some((prefix) => path.startsWith(prefix)))
}

export function has({ parameters }: Operation, name: string): boolean {
  return parameters.some((parameter) => parameter.name === name)
}

/** What a schema stands for, once references and the branch for null are out of the way. */
export function meant(document: Document, { $ref, anyOf, ...schema }: Schema): Schema {
  if ($ref !== undefined) return meant(document, document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {})
  const [only] = (anyOf ?? []).filter(({ type }) => type !== 'null')
  return only ? meant(document, only) : schema
}

/** All that a house has written down, so that what was refused can be shown to have changed nothing. */
export async function written({ store }: TestHouse): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = await store.read(`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
  const names = tables.map(({ name }) => String(name)).filter((name) => !ownRhythm.test(name))
  const rows = names.map(async (name) => {
    const found = await store.read(`SELECT * FROM "${name}"`)
    return [name, found.map((row) => JSON.stringify(row)).sort()] as const
  })
  return new Map(await Promise.all(rows))
}

/** What chores and sign-ins write, whatever else is asked. */
const ownRhythm = /^(sqlite_|sessions$|instances$|token_|usage_days$|usage_summed$|alerts$)/
