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

function failed(reason: string, refusal: Problem, more: Partial<Outcome> = {}): Outcome {
  const usual = { outcome: 'failed', mayBill: false, level: 'warn' } as const
  return { ...usual, paid: false, reason, finishReason: undefined, warning: undefined, refusal, ...more }
}

function unsent({ answer, retryAfterSeconds }: Forwarded): Outcome {
  return failed(answer.reason, noToken(retryAfterSeconds))
}

function unreached({ reason }: Answer): Outcome {
  const timedOut = reason === 'upstream_connect_timeout' || reason === 'upstream_deadline'
  // The upstream is there; what was missing is ours.
  if (reason === 'no_descriptors') return failed(reason, new Problem('busy'), { level: 'error' })
  // A certificate that cannot be trusted stays so until the operator acts.
  const level = reason === 'upstream_tls' ? 'error' : 'warn'
  return failed(reason, new Problem(timedOut ? 'upstream_timeout' : 'upstream_unreachable'), { level })
}

const illegible = new Set(['upstream_bad_protocol', 'upstream_too_large'])

// The request went out and no usable answer came back: the upstream may have worked, and may bill for it.
function lost({ kind, reason, status }: Answer): Outcome {
  const outcome = illegible.has(reason) ? 'failed' : 'unknown'
  if (kind === 'silent') return failed(reason, new Problem('upstream_timeout'), { outcome, mayBill: true })
  if (kind === 'cut') return failed(reason, new Problem('upstream_error'), { outcome, mayBill: true })
  // A changed interface has to be seen at once: here the operator pays and the caller gets nothing.
  const refusal = new Problem('upstream_error', { cause: `status ${status}` })
  return failed('upstream_unexpected_2xx', refusal, { mayBill: true, level: 'error' })
}

const pictureTypes = new Set(['image/png', 'image/jpeg', 'image/webp'])

function judgeWhole(answer: Answer, wanted: Wanted, settings: JudgeSettings): Outcome {
  const { head, body } = answer
  const unusable = (reason: string) => failed(reason, new Problem('upstream_error'), { mayBill: true })
  if (!head?.framed) return unusable('upstream_unframed_body')
  if (head.encoding !== '' && head.encoding !== 'identity') return unusable('upstream_bad_encoding')
  if (body.length === 0) return unusable('upstream_empty_body')
  if (wanted.accept === 'application/json') {
    if (head.type !== 'application/json') return unusable('upstream_wrong_type')
    const told = pictureInJson(body)
    return told ? succeeded(told, wanted, settings) : unusable('upstream_bad_payload')
  }
  if (!pictureTypes.has(head.type)) return unusable('upstream_wrong_type')
  if (pictureTypeOf(body) !== head.type) {
    return unusable(pictureTypeOf(body) ? 'upstream_wrong_type' : 'upstream_bad_payload')
  }
  return succeeded({ finish: head.finishReason ?? '', type: head.type }, wanted, settings)
}

/** What a good answer says of itself; `finish` is empty and `type` undefined where it does not. */
type Told = { readonly finish: string; readonly type: string | undefined }

function succeeded({ finish, type }: Told, { form }: Wanted, { chargeFiltered }: JudgeSettings): Outcome {
  const filtered = finish === 'CONTENT_FILTERED'
  const asked = `image/${fieldText(form, 'output_format') ?? 'png'}`
  const warning =
    finish !== 'SUCCESS' && !filtered ? 'unknown_finish_reason' : type === asked ? undefined : 'other_output_format'
  return {
    outcome: filtered ? 'filtered' : 'succeeded',
    paid: !filtered || chargeFiltered,
    reason: filtered ? 'content_filtered' : 'success',
    mayBill: filtered && !chargeFiltered,
    level: warning ? 'warn' : 'info',
    finishReason: finish || undefined,
    warning,
    refusal: undefined,
  }
}

const magicCharacters = 16

/** Undefined when there is no picture in a JSON answer. */
function pictureInJson(body: Buffer): Told | undefined {
  const answer = parsed(body)
  const image = answer?.['image']
  if (typeof image !== 'string' || !/^[\w+/-]+={0,2}$/.test(image)) return undefined
  const finish = answer?.['finish_reason']
  const type = pictureTypeOf(Buffer.from(image.slice(0, magicCharacters), 'base64'))
  return { finish: typeof finish === 'string' ? finish : '', type }
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
  const operatorActs = { level: 'error' } as const
  if (fault) return failed(`upstream_${status}`, passedOn(fault, told, settings), { level: 'info' })
  if (status === 429) return failed('upstream_429', new Problem('rate_limit_exceeded', { retryAfterSeconds }))
  if (status === 401) return failed('upstream_auth_failed', noToken(retryAfterSeconds), operatorActs)
  if (status === 402) return failed('upstream_out_of_credits', noToken(retryAfterSeconds), operatorActs)
  if (status === 403) return failed('upstream_forbidden', unavailable(undefined), operatorActs)
  if (status === 503 || status === 529) return failed('upstream_5xx', unavailable(retryAfterSeconds))
  if (status === 500) return failed('upstream_5xx', new Problem('upstream_error', { status: 500 }))
  const reason = reasonOf(status)
  const wrongAddress = reason === 'upstream_redirect' || [404, 405, 410].includes(status)
  return failed(reason, new Problem('upstream_error'), wrongAddress ? operatorActs : {})
}

function reasonOf(status: number): string {
  if (status >= 300 && status < 400) return 'upstream_redirect'
  return status >= 500 && status < 600 ? 'upstream_5xx' : 'upstream_bad_status'
}

/** "Wait" is the truer word to the caller as soon as one token only cools. */
function noToken(retryAfterSeconds: number | undefined): Problem {
  if (retryAfterSeconds === undefined) return unavailable(undefined)
  return new Problem('rate_limit_exceeded', { retryAfterSeconds })
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
      .map((error) =>
        cleanse(error.slice(0, 8 * longestError))
          .slice(0, longestError)
          .toWellFormed(),
      ),
  })
}
