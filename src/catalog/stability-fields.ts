import type { FieldSchema, Form, Part } from './offer.ts'

type Check = {
  readonly required: boolean
  /** How the field is described to callers. */
  readonly schema: FieldSchema
  /** Says what is wrong with a field's text, or undefined. */
  fault(value: string): string | undefined
}

type About = { readonly description: string; readonly example: string | number }

export function text({ required, longest, ...about }: About & { required: boolean; longest: number }): Check {
  return {
    required,
    schema: { type: 'string', ...(required ? { minLength: 1 } : {}), maxLength: longest, ...described(about) },
    fault(value) {
      if (required && value.trim() === '') return 'must not be blank'
      // Only a text of that many UTF-16 units can have that many characters.
      if (value.length > longest && [...value].length > longest) return `must be at most ${longest} characters long`
      return undefined
    },
  }
}

export function choice(about: About, ...values: string[]): Check {
  const known = new Set(values)
  return {
    required: false,
    schema: { type: 'string', enum: values, ...described(about) },
    fault: (value) => (known.has(value) ? undefined : `must be one of ${values.join(', ')}`),
  }
}

export function seed(about: About, most: number): Check {
  return {
    required: false,
    schema: { type: 'integer', minimum: 0, maximum: most, ...described(about) },
    fault: (value) =>
      /^\d{1,16}$/.test(value) && Number(value) <= most ? undefined : `must be a whole number from 0 to ${most}`,
  }
}

function described({ description, example }: About): Pick<FieldSchema, 'description' | 'examples'> {
  return { description, examples: [example] }
}

/** Checks the fields known by name and lets every other part pass, since real clients send more than the document lists. */
export function faultsOf({ bytes, parts }: Form, checks: Readonly<Record<string, Check>>): string[] {
  const faults: string[] = []
  const seen = new Set<string>()
  for (const part of parts) {
    const check = Object.hasOwn(checks, part.name) ? checks[part.name] : undefined
    if (!check) continue
    // Of two values one parser takes the first and another the last.
    const fault = seen.has(part.name) ? 'must be sent only once' : faultOf(bytes, part, check)
    seen.add(part.name)
    if (fault) faults.push(`${part.name}: ${fault}`)
  }
  for (const [name, { required }] of Object.entries(checks)) {
    if (required && !seen.has(name)) faults.push(`${name}: is required`)
  }
  return faults
}

function faultOf(bytes: Buffer, { filename, start, end }: Part, check: Check): string | undefined {
  if (filename !== undefined) return 'must be a text field, not a file'
  return check.fault(bytes.toString('utf8', start, end))
}

/** The text of a field, or undefined when it was not sent. */
export function fieldText({ bytes, parts }: Form, name: string): string | undefined {
  const part = parts.find((each) => each.name === name)
  return part && bytes.toString('utf8', part.start, part.end)
}
