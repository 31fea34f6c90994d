import { Problem, type ProblemName } from '../errors.ts'
import type { Answer } from '../upstream/answer.ts'
import type { Forwarded } from '../upstream/upstream.ts'
import type { JudgeSettings, Outcome, Wanted } from './offer.ts'
import { fieldText } from './stability-fields.ts'

/**
 * What an answer of a Stability endpoint means. Success has to be proved: status 200, a body whose framing says it is
 * whole, the media type that was asked for, and bytes that open as that type. In doubt the caller does not pay.
 */
export function judge(forwarded: Forwarded, wanted: Wanted, settings: JudgeSettings): Outcome {
  const { answer } = forwarded
  if (answer.kind === 'unsent') return unsent(forwarded)
  if (answer.kind === 'unreached') return unreached(answer)
  if (answer.status === 200 || answer.status === 0 || (answer.status > 200 && answer.status < 300)) {
    return answer.kind === 'whole' && answer.status === 200 ? judgeWhole(answer, wanted, settings) : lost(answer)
  }
  return refused(forwarded, settings)
}

function failed(reason: string, refusal: Problem, mayBill = false): Outcome {
  const outcome = mayBill ? 'unknown' : 'failed'
  return { outcome, paid: false, reason, mayBill, finishReason: undefined, warning: undefined, refusal }
}

function unsent({ answer, retryAfterSeconds }: Forwarded): Outcome {
  return failed(answer.reason, new Problem('upstream_unavailable', { retryAfterSeconds: retryAfterSeconds ?? 60 }))
}

function unreached({ reason }: Answer): Outcome {
  const timedOut = reason === 'upstream_connect_timeout' || reason === 'upstream_deadline'
  return failed(reason, new Problem(timedOut ? 'upstream_timeout' : 'upstream_unreachable'))
}

// The request went out and no usable answer came back: the upstream may have worked, and may bill for it.
function lost({ kind, reason, status }: Answer): Outcome {
  if (kind === 'silent') return failed(reason, new Problem('upstream_timeout'), true)
  if (kind === 'cut') return failed(reason, new Problem('upstream_error'), true)
  return failed('upstream_unexpected_2xx', new Problem('upstream_error', { cause: `status ${status}` }), true)
}

const pictureTypes = new Set(['image/png', 'image/jpeg', 'image/webp'])

function judgeWhole(answer: Answer, wanted: Wanted, settings: JudgeSettings): Outcome {
  const { head, body } = answer
  const unusable = (reason: string) => failed(reason, new Problem('upstream_error'), true)
  if (!head?.framed) return unusable('upstream_unframed_body')
  if (head.encoding !== '' && head.encoding !== 'identity') return unusable('upstream_bad_encoding')
  if (body.length === 0) return unusable('upstream_empty_body')
  if (wanted.accept === 'application/json') {
    if (head.type !== 'application/json') return unusable('upstream_wrong_type')
    const finish = finishOfJson(body)
    return finish === undefined ? unusable('upstream_bad_payload') : succeeded(finish, undefined, settings)
  }
  if (!pictureTypes.has(head.type)) return unusable('upstream_wrong_type')
  if (pictureTypeOf(body) !== head.type) {
    return unusable(pictureTypeOf(body) ? 'upstream_wrong_type' : 'upstream_bad_payload')
  }
  const asked = `image/${fieldText(wanted.form, 'output_format') ?? 'png'}`
  return succeeded(head.finishReason ?? '', asked === head.type ? undefined : 'other_output_format', settings)
}

function succeeded(finish: string, warning: string | undefined, { chargeFiltered }: JudgeSettings): Outcome {
  const filtered = finish === 'CONTENT_FILTERED'
  return {
    outcome: filtered ? 'filtered' : 'succeeded',
    paid: !filtered || chargeFiltered,
    reason: filtered ? 'content_filtered' : 'success',
    mayBill: filtered && !chargeFiltered,
    finishReason: finish || undefined,
    warning: finish === 'SUCCESS' || finish === '' || filtered ? warning : 'unknown_finish_reason',
    refusal: undefined,
  }
}

/** The finish reason of a JSON answer, empty if it names none; undefined when there is no picture in it. */
function finishOfJson(body: Buffer): string | undefined {
  const answer = parsed(body)
  const image = answer?.['image']
  if (typeof image !== 'string' || !/^[\w+/-]+={0,2}$/.test(image)) return undefined
  const finish = answer?.['finish_reason']
  return typeof finish === 'string' ? finish : ''
}

function parsed(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** By the first bytes: PNG (RFC 2083 section 3.1), JPEG (ITU T.81 SOI and marker), WebP (RFC 9649 section 2.4). */
function pictureTypeOf(body: Buffer): string | undefined {
  if (body.length >= 8 && body.readUInt32BE(0) === 0x89504e47 && body.readUInt32BE(4) === 0x0d0a1a0a) return 'image/png'
  if (body.length >= 3 && body.readUIntBE(0, 3) === 0xffd8ff) return 'image/jpeg'
  const riff = body.length >= 12 && body.readUInt32BE(0) === 0x52494646 && body.readUInt32BE(8) === 0x57454250
  return riff ? 'image/webp' : undefined
}

/** Statuses whose reason lies in the caller's request: what the upstream says of it is passed on. */
const callersFaults: Readonly<Record<number, ProblemName>> = {
  400: 'bad_request',
  413: 'payload_too_large',
  422: 'unprocessable',
}

// Every other refusal is the operator's trouble or the upstream's, and its words stay inside.
function refused(forwarded: Forwarded, settings: JudgeSettings): Outcome {
  const { answer, retryAfterSeconds } = forwarded
  const { status } = answer
  const told = parsed(answer.body)
  const fault = status === 403 && told?.['name'] === 'content_moderation' ? 'content_moderation' : callersFaults[status]
  if (fault) return failed(`upstream_${status}`, passedOn(fault, told, settings))
  if (status === 429) return failed('upstream_429', new Problem('rate_limit_exceeded', { retryAfterSeconds }))
  if (status === 401) return failed('upstream_auth_failed', unavailable(60))
  if (status === 402) return failed('upstream_out_of_credits', unavailable(60))
  if (status === 403) return failed('upstream_forbidden', unavailable(60))
  if (status === 503 || status === 529) return failed('upstream_5xx', unavailable(retryAfterSeconds))
  if (status === 500) return failed('upstream_5xx', new Problem('upstream_error', { status: 500 }))
  return failed(reasonOf(status), new Problem('upstream_error'))
}

function reasonOf(status: number): string {
  if (status >= 300 && status < 400) return 'upstream_redirect'
  return status >= 500 && status < 600 ? 'upstream_5xx' : 'upstream_bad_status'
}

function unavailable(retryAfterSeconds: number | undefined): Problem {
  return new Problem('upstream_unavailable', { retryAfterSeconds: retryAfterSeconds ?? 60 })
}

const mostErrors = 5
const longestError = 500

function passedOn(fault: ProblemName, told: Record<string, unknown> | undefined, { cleanse }: JudgeSettings): Problem {
  const errors = Array.isArray(told?.['errors']) ? told['errors'] : []
  const name = told?.['name']
  return new Problem(fault, {
    ...(typeof name === 'string' && /^[a-z_]{1,40}$/.test(name) ? { slug: name } : {}),
    errors: errors
      .filter((error): error is string => typeof error === 'string')
      .slice(0, mostErrors)
      .map((error) => cleanse(error.slice(0, 8 * longestError)).slice(0, longestError)),
  })
}
