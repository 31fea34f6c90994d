/** An error answer in the vendor's v2beta shape: status, `name` and one line for each thing wrong. */
export class Refusal extends Error {
  readonly status: number
  readonly slug: string
  readonly errors: readonly string[]
  readonly retryAfterSeconds: number | undefined

  constructor(
    status: number,
    slug: string,
    errors: readonly string[],
    about: { cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(errors[0], { cause: about.cause })
    this.name = 'Refusal'
    this.status = status
    this.slug = slug
    this.errors = errors
    this.retryAfterSeconds = about.retryAfterSeconds
  }
}

type Refused = readonly [status: number, slug: string, error: string, retryAfterSeconds?: number]

// The waits are short so that trying a fault does not shut a demo out for the vendor's full minute.
const refused: Readonly<Record<string, Refused>> = {
  '400': [400, 'bad_request', 'prompt: refused on demand'],
  '402': [402, 'payment_required', 'The account has too few credits; buy some on the account page.'],
  '403': [403, 'content_moderation', 'The request was refused by moderation; it was not charged.'],
  '422': [422, 'invalid_language', 'prompt: only English is supported'],
  '429': [429, 'rate_limit_exceeded', 'More than 150 requests in 10 seconds; wait before the next one.', 2],
  '500': [500, 'internal_error', 'An unexpected error occurred.'],
  '503': [503, 'service_unavailable', 'The service is unavailable at the moment.', 3],
  busy: [529, 'overloaded', 'The service is overloaded at the moment.'],
}

const misbehaved = ['502', 'filtered', 'slow', 'truncated', 'reset', 'silent'] as const

/** A fault that is more than an error answer in the usual shape. */
export type Misbehaviour = (typeof misbehaved)[number]

/** Every fault a prompt can ask for as `sandbox:<fault>`. */
export const faultNames: readonly string[] = [...Object.keys(refused), ...misbehaved]

/**
 * The misbehaviour a prompt asks for, if any.
 * @throws {Refusal} when the fault is an error answer, or a 400 that lists the known ones when nobody knows it.
 */
export function faultIn(prompt: string): Misbehaviour | undefined {
  const name = /\bsandbox:([\w-]{1,40})/.exec(prompt)?.[1]
  if (name === undefined) return undefined
  const refusal = Object.hasOwn(refused, name) ? refused[name] : undefined
  if (refusal) throw asRefusal(refusal)
  const misbehaviour = misbehaved.find((known) => known === name)
  if (misbehaviour) return misbehaviour
  throw new Refusal(400, 'bad_request', [`prompt: no sandbox fault is called ${name}; known: ${faultNames.join(', ')}`])
}

function asRefusal([status, slug, error, retryAfterSeconds]: Refused): Refusal {
  return new Refusal(status, slug, [error], { retryAfterSeconds })
}
