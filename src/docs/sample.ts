type Schema = Readonly<Record<string, unknown>>

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An example of what a schema describes, put together from the examples in it; undefined where there are none. */
export function sampleOf(schema: unknown): unknown {
  if (!isSchema(schema)) return undefined
  const { examples, example, anyOf, type, properties, items } = schema
  if (Array.isArray(examples)) return examples[0]
  if (example !== undefined) return example
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  if (Array.isArray(anyOf)) return sampleOf(anyOf[0])
  if (type === 'array') return [sampleOf(items)].filter((item) => item !== undefined)
  if (type === 'object') return sampleOfEach(isSchema(properties) ? properties : {})
  return simple[String(type)]
}

const simple: Readonly<Record<string, unknown>> = { string: 'text', integer: 1, number: 1, boolean: true, null: null }

function sampleOfEach(properties: Schema): Schema {
  return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, sampleOf(each)]))
}
