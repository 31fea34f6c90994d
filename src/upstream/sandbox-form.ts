import type { FastifyRequest } from 'fastify'
import { Refusal } from './sandbox-fault.ts'

export const ratios = ['21:9', '16:9', '3:2', '5:4', '1:1', '4:5', '2:3', '9:16', '9:21'] as const
export const formats = ['png', 'jpeg', 'webp'] as const
const styles = [
  '3d-model',
  'analog-film',
  'anime',
  'cinematic',
  'comic-book',
  'digital-art',
  'enhance',
  'fantasy-art',
  'isometric',
  'line-art',
  'low-poly',
  'modeling-compound',
  'neon-punk',
  'origami',
  'photographic',
  'pixel-art',
  'tile-texture',
] as const

export type Ratio = (typeof ratios)[number]
export type Format = (typeof formats)[number]

/** What a caller asked for, checked; a seed of 0 still means "any". */
export type Order = {
  readonly prompt: string
  readonly negativePrompt: string
  readonly ratio: Ratio
  readonly seed: number
  readonly style: string
  readonly format: Format
  readonly json: boolean
}

export const largestSeed = 4_294_967_294
const longestText = 10_000
const fields = ['prompt', 'negative_prompt', 'aspect_ratio', 'seed', 'style_preset', 'output_format'] as const

type Field = (typeof fields)[number]
type Form = ReadonlyMap<string, readonly string[]>

/**
 * Reads and checks a Stable Image Core form by the rules of the vendor's reference page.
 * Unknown fields and file parts are ignored, as the vendor's own samples send them.
 * @throws {Refusal} 400 that lists every fault as `field: reason`.
 */
export async function readOrder(request: FastifyRequest): Promise<Order> {
  const faults: string[] = []
  const json = wantsJson(request.headers.accept, faults)
  const form = request.isMultipart() ? await readForm(request) : undefined
  if (!form) faults.push('content-type: must be multipart/form-data')
  const order = form && checkForm(form, faults)
  if (!order || faults.length > 0) throw new Refusal(400, 'bad_request', faults)
  return { ...order, json }
}

function wantsJson(accept: string | undefined, faults: string[]): boolean {
  const wanted = (accept ?? '').toLowerCase()
  if (wanted.includes('application/json')) return true
  if (wanted.trim() !== '' && !/image\/|\*\/\*/.test(wanted)) faults.push('accept: must be image/* or application/json')
  return false
}

async function readForm(request: FastifyRequest): Promise<Form> {
  const form = new Map<string, string[]>()
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') part.file.resume()
      else form.set(part.fieldname, [...(form.get(part.fieldname) ?? []), textOf(part.value)])
    }
  } catch (cause) {
    throw new Refusal(400, 'bad_request', ['body: cannot be read as multipart/form-data'], { cause })
  }
  return form
}

// The plugin parses a text part that calls itself JSON; to the upstream it is text like any other.
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function checkForm(form: Form, faults: string[]): Omit<Order, 'json'> {
  for (const field of fields) {
    if ((form.get(field)?.length ?? 0) > 1) faults.push(`${field}: must be sent once`)
  }
  return {
    prompt: promptIn(form, faults),
    negativePrompt: textIn(form, 'negative_prompt', faults),
    ratio: choiceIn(form, 'aspect_ratio', ratios, faults) ?? '1:1',
    seed: seedIn(form, faults),
    style: choiceIn(form, 'style_preset', styles, faults) ?? '',
    format: choiceIn(form, 'output_format', formats, faults) ?? 'png',
  }
}

function promptIn(form: Form, faults: string[]): string {
  const prompt = textIn(form, 'prompt', faults)
  if (!form.has('prompt')) faults.push('prompt: is required')
  else if (prompt.trim() === '') faults.push('prompt: cannot be blank')
  return prompt
}

function textIn(form: Form, field: Field, faults: string[]): string {
  const text = form.get(field)?.[0] ?? ''
  // Characters, not UTF-16 units: an emoji is one.
  if ([...text].length > longestText) faults.push(`${field}: must be at most ${longestText} characters`)
  return text
}

function choiceIn<Choice extends string>(
  form: Form,
  field: Field,
  choices: readonly Choice[],
  faults: string[],
): Choice | undefined {
  const text = form.get(field)?.[0]
  if (text === undefined) return undefined
  const choice = choices.find((known) => known === text)
  if (!choice) faults.push(`${field}: must be one of ${choices.join(', ')}`)
  return choice
}

function seedIn(form: Form, faults: string[]): number {
  const text = form.get('seed')?.[0]?.trim() ?? '0'
  const seed = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (seed <= largestSeed) return seed
  faults.push(`seed: must be a whole number from 0 to ${largestSeed}`)
  return 0
}
