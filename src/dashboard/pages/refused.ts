/** The parts of a problem (RFC 9457) that are shown. */
type Told = {
  readonly status: number
  readonly detail: string
  readonly name?: string
  readonly requestId?: string
  readonly errors?: readonly string[]
}

/** Why the house did not do what it was asked. Status 0 is a house that did not answer. */
export class Refused extends Error {
  readonly told: Told

  constructor(told: Told) {
    super(told.detail)
    this.name = 'Refused'
    this.told = told
  }
}

/** For a promise of fetch that failed: the house cannot be reached. */
export function unreached(error: unknown): never {
  throw error instanceof Refused ? error : new Refused({ status: 0, detail: '' })
}

/** Reads a problem, or a refusal in the dialect of the paid routes. */
export function refusedBy(status: number, body: unknown): Refused {
  const problem = isRecord(body) ? body : {}
  const errors = Array.isArray(problem['errors']) ? problem['errors'].map(String) : []
  const [first = ''] = errors
  const detail = textOf(problem['detail']) ?? first
  const requestId = textOf(problem['request_id']) ?? textOf(problem['id'])
  return new Refused({ status, detail, name: textOf(problem['name']), requestId, errors })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
