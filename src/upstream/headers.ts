import type { IncomingHttpHeaders } from 'node:http'

/** What goes out besides the authorization, which only `tokens.ts` can write. */
export type Outgoing = {
  readonly accept: 'application/json' | 'image/*'
  readonly contentType: string
  readonly contentLength: number
  readonly clientId: string | undefined
  readonly clientVersion: string | undefined
  /** A stable pseudonym of the account, so that the upstream can tell users apart and learns nothing about them. */
  readonly userId: string
}

const userAgent = 'tollgate'
const longestClientText = 256

/** The allow-list out, as undici's flat list of names and values; whatever else a caller sent stays here. */
export function headersOut(out: Outgoing): string[] {
  const headers = [
    ...['accept', out.accept, 'content-type', out.contentType, 'content-length', String(out.contentLength)],
    ...['accept-encoding', 'identity', 'user-agent', userAgent, 'stability-client-user-id', out.userId],
  ]
  if (fits(out.clientId)) headers.push('stability-client-id', out.clientId)
  if (fits(out.clientVersion)) headers.push('stability-client-version', out.clientVersion)
  return headers
}

function fits(text: string | undefined): text is string {
  return text !== undefined && text.length > 0 && text.length <= longestClientText && /^[\x20-\x7e]+$/.test(text)
}

/** The head of an answer: what is judged, and what may be let back. */
export type Head = {
  /** Media type in lower case, without its parameters. */
  readonly type: string
  /** The content-type as it may be repeated: without any parameter but those the vendor is known to send. */
  readonly contentType: string
  readonly encoding: string
  /** Whether the end of the body can be proved: by its length or by its last chunk. */
  readonly framed: boolean
  readonly length: number | undefined
  readonly finishReason: string | undefined
  readonly seed: string | undefined
  readonly retryAfter: string | undefined
}

/** The allow-list back: only values of the expected shape, so that no upstream can write headers of ours. */
export function headersBack(headers: IncomingHttpHeaders): Head {
  const contentType = one(headers['content-type'])
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const length = one(headers['content-length'])
  const finishReason = one(headers['finish-reason'])
  const seed = one(headers['seed'])
  return {
    type,
    // A parameter has room for a secret, so only the vendor's own and a charset pass.
    contentType: /^[^;]+; ?(?:type=image\/[a-z]{3,4}|charset=utf-8)$/i.test(contentType) ? contentType : type,
    encoding: one(headers['content-encoding']).trim().toLowerCase(),
    framed: /^\d+$/.test(length) || one(headers['transfer-encoding']).trim().toLowerCase() === 'chunked',
    length: /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    finishReason: /^[A-Z_]{1,40}$/.test(finishReason) ? finishReason : undefined,
    seed: /^\d{1,10}$/.test(seed) ? seed : undefined,
    retryAfter: one(headers['retry-after']) || undefined,
  }
}

function one(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

const shortestRestSeconds = 1
const longestRestSeconds = 3600
const usualRestSeconds = 60

/** RFC 9110 section 10.2.3, as whole seconds from 1 to 3600; 60 when absent, unreadable, negative or in the past. */
export function retryAfterSeconds(text = ''): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : (dateOf(text) - Date.now()) / 1000
  if (Number.isNaN(seconds) || seconds < 0) return usualRestSeconds
  return Math.min(longestRestSeconds, Math.max(shortestRestSeconds, Math.ceil(seconds)))
}

/** Milliseconds of a date in one of the three forms of RFC 9110 section 5.6.7, or NaN: Date.parse alone reads almost anything. */
function dateOf(text: string): number {
  if (/^[A-Z][a-z]{2,8}, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/.test(text)) return Date.parse(text)
  if (/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/.test(text)) return Date.parse(`${text} GMT`)
  return Number.NaN
}
