/** Every refusal we are glad to show: its public code, HTTP status and sentence. Codes are API: add, never rename. */
const problems = {
  bad_request: [400, 'The request is not one this house can read.'],
  unauthorized: [401, 'Send your key in the authorization header: Bearer tg_live_...'],
  insufficient_credits: [402, 'The account has too few credits for this call.'],
  forbidden: [403, 'This key may not do that.'],
  account_suspended: [403, 'The account is suspended.'],
  content_moderation: [403, 'The request was refused by moderation; it was not charged.'],
  not_found: [404, 'There is nothing at this address.'],
  method_not_allowed: [405, 'This address does not answer to that method.'],
  not_acceptable: [406, 'The accept header names neither application/json nor an image type.'],
  request_timeout: [408, 'The request was not complete in time.'],
  conflict: [409, 'The change does not fit the present state.'],
  already_refunded: [409, 'The call has been refunded before.'],
  idempotency_conflict: [409, 'This Idempotency-Key was used with another body.'],
  idempotency_in_progress: [409, 'The first call with this Idempotency-Key is still running.'],
  replay_gone: [410, 'The call succeeded before, but its answer is no longer kept.'],
  precondition_failed: [412, 'The resource has changed since it was read.'],
  payload_too_large: [413, 'The request body is too large.'],
  unsupported_media_type: [415, 'Send the body as application/json.'],
  unprocessable: [422, 'The upstream refused the content of the request; it was not charged.'],
  rate_limited: [429, 'Too many calls with this key.'],
  concurrency_limited: [429, 'Too many calls of this key are in flight.'],
  quota_exceeded: [429, 'The quota is used up.'],
  rate_limit_exceeded: [429, 'The upstream takes no more calls at the moment.'],
  headers_too_large: [431, 'The request head is too large.'],
  internal_error: [500, 'Something went wrong here; the call was not charged.'],
  upstream_error: [502, 'The upstream gave no usable answer; the call was not charged.'],
  upstream_unreachable: [502, 'The upstream could not be reached; the call was not charged.'],
  upstream_unavailable: [503, 'The upstream is unavailable; the call was not charged.'],
  busy: [503, 'The house is busy; try again shortly.'],
  ledger_unavailable: [503, 'The ledger cannot be written at the moment; nothing was delivered.'],
  hold_expired: [503, 'The hold of this call expired before its answer came; it was not charged.'],
  shutting_down: [503, 'The house is closing; try again shortly.'],
  upstream_timeout: [504, 'The upstream did not answer in time; the call was not charged.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>

export type ProblemName = keyof typeof problems

type Circumstances = {
  /** A closer sentence than the general one; public. */
  sentence?: string
  /** One line for each thing wrong; public. */
  errors?: readonly string[]
  /** Numbers that help the caller; public. */
  details?: Readonly<Record<string, unknown>>
  /** Another status than the usual one of this code. */
  status?: number
  /** Whole seconds, at least 1. */
  retryAfterSeconds?: number
  /** The upstream's own word for it, where it replaces ours in the reply. */
  slug?: string
  /** Headers the reply must carry, such as `allow`. */
  headers?: Readonly<Record<string, string>>
  /** For the operator's log only. */
  cause?: unknown
}

/** An expected "no". Everything in it is public except `cause`. */
export class Problem extends Error {
  readonly code: ProblemName
  readonly status: number
  readonly slug: string
  readonly errors: readonly string[]
  readonly details: Readonly<Record<string, unknown>> | undefined
  readonly retryAfterSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemName, about: Circumstances = {}) {
    const [status, sentence] = problems[code]
    super(about.sentence ?? sentence, { cause: about.cause })
    this.name = 'Problem'
    this.code = code
    this.status = about.status ?? status
    this.slug = about.slug ?? code
    this.errors = about.errors?.length ? about.errors : [this.message]
    this.details = about.details
    this.headers = about.headers ?? {}
    const wait = this.status === 429 || this.status === 503 ? (about.retryAfterSeconds ?? 1) : about.retryAfterSeconds
    // RFC 9110 section 10.2.3: whole seconds; a zero would invite a busy loop.
    this.retryAfterSeconds = wait === undefined ? undefined : Math.max(1, Math.ceil(wait))
  }
}

export type Trouble = 'busy' | 'full' | 'readonly' | 'corrupt' | 'io' | 'gone'

/** The database cannot do it now; nothing was written. */
export class StoreUnavailable extends Error {
  readonly trouble: Trouble

  constructor(trouble: Trouble, cause?: unknown) {
    super(`the database is unavailable: ${trouble}`, { cause })
    this.name = 'StoreUnavailable'
    this.trouble = trouble
  }
}

type Invalid = { readonly instancePath: string; readonly message?: string; readonly params: Record<string, unknown> }

/** What a caller is told of an error; what is none of ours becomes `internal_error`, with the error as its cause. */
export function problemOf(error: Error & { statusCode?: number; validation?: readonly Invalid[] }): Problem {
  if (error instanceof Problem) return error
  if (error instanceof StoreUnavailable) return new Problem('ledger_unavailable', { cause: error })
  if (error.validation) return new Problem('bad_request', { errors: error.validation.map(named), cause: error })
  // What Fastify itself refuses in a request.
  // Only an id too long to be one makes a path that long.
  if (error.statusCode === 414) return new Problem('not_found', { cause: error })
  if (error.statusCode === 413) return new Problem('payload_too_large', { cause: error })
  if (error.statusCode === 415) return new Problem('unsupported_media_type', { cause: error })
  if (error.statusCode && error.statusCode < 500) return new Problem('bad_request', { cause: error })
  return new Problem('internal_error', { cause: error })
}

function named({ instancePath, message = 'is not valid', params }: Invalid): string {
  const path = instancePath.slice(1).replaceAll('/', '.')
  const property = params['additionalProperty'] ?? params['missingProperty'] ?? params['unevaluatedProperty']
  const field = [path, property].filter(Boolean).join('.') || 'body'
  if (params['additionalProperty'] !== undefined) return `${field}: is not known here`
  if (params['missingProperty'] !== undefined) return `${field}: is required`
  const allowed = Array.isArray(params['allowedValues']) ? `: ${params['allowedValues'].join(', ')}` : ''
  return `${field}: ${message}${allowed}`
}
