import { isIP, type LookupFunction } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { Client, errors } from 'undici'
import { hostOf, mayReach, urlFaults } from './address.ts'
import { type Address, openResolver, type Resolve } from './resolve.ts'

/** Why a sending did not arrive; the words of the delivery log. */
type Failure =
  | 'status'
  | 'redirect'
  | 'gone'
  | 'timeout'
  | 'refused'
  | 'reset'
  | 'tls'
  | 'unresolved'
  | 'unreachable'
  | 'private_address'
  | 'not_http'
  | 'failed'

export type Parcel = {
  readonly id: string
  readonly url: string
  readonly secret: string
  readonly body: string
}

/** What became of a sending. `stopped` says nothing of the receiver: the house closed meanwhile. */
export type Sent =
  | { readonly delivered: true; readonly status: number }
  | { readonly delivered: false; readonly status: number | null; readonly failure: Failure }
  | 'stopped'

export type Sender = ReturnType<typeof openSender>

type Settings = {
  readonly allowPrivate: boolean
  /** For the whole sending, from the look-up of the name to the end of the answer. */
  readonly timeoutMs?: number | undefined
  readonly resolve?: Resolve | undefined
}

const answerLimitBytes = 64 * 1024

/**
 * Posts to receivers, signed after the Standard Webhooks specification. A name is looked up once for each sending, every
 * address it stands for is checked, and the connection goes to those checked addresses and no others, so that a name
 * which changes its mind in between (DNS rebinding) reaches nothing. Redirects are not followed.
 */
export function openSender({ allowPrivate, timeoutMs = 10_000, resolve = openResolver() }: Settings) {
  const closing = new AbortController()

  /** Sends once; whatever goes wrong is an answer. */
  async function send(parcel: Parcel): Promise<Sent> {
    const late = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([late, closing.signal])
    try {
      return judged(await exchange(parcel, signal))
    } catch (error) {
      if (closing.signal.aborted) return 'stopped'
      return { delivered: false, status: null, failure: late.aborted ? 'timeout' : failureOf(error) }
    }
  }

  async function exchange(parcel: Parcel, signal: AbortSignal): Promise<number> {
    // What was allowed when the webhook was made may be forbidden since.
    if (urlFaults(parcel.url, allowPrivate).length > 0) throw new PrivateAddress()
    const url = new URL(parcel.url)
    const addresses = await checked(hostOf(url), signal)
    const client = new Client(url.origin, {
      connect: { lookup: fixedTo(addresses), timeout: timeoutMs, rejectUnauthorized: true },
      ...{ headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxHeaderSize: 16 * 1024, pipelining: 1, allowH2: false },
    })
    try {
      const path = url.pathname + url.search
      const headers = headersOf(parcel, Date.now())
      const { statusCode, body } = await client.request({ method: 'POST', path, headers, body: parcel.body, signal })
      // The status has said it all: how the rest of the answer ends changes nothing.
      await body.dump({ limit: answerLimitBytes, signal }).catch(() => undefined)
      return statusCode
    } finally {
      await client.destroy()
    }
  }

  async function checked(host: string, signal: AbortSignal): Promise<readonly Address[]> {
    const version = isIP(host)
    const found = version === 0 ? await inTime(resolve(host), signal) : [{ address: host, family: version }]
    if (found.length === 0) throw new Unresolved()
    // One private address among public ones is refused too: which of them is used is not ours to choose.
    if (!found.every(({ address }) => mayReach(address, allowPrivate))) throw new PrivateAddress()
    return found
  }

  return {
    send,
    /** Breaks off what is being sent. */
    close: () => closing.abort(),
  }
}

class PrivateAddress extends Error {}
class Unresolved extends Error {}

/** A look-up cannot be broken off, so its answer is no longer waited for. */
function inTime<Found>(finding: Promise<Found>, signal: AbortSignal): Promise<Found> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    finding.then(resolve, () => reject(new Unresolved())).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Stands in for the resolver while the connection is made, whatever name is asked. */
function fixedTo(addresses: readonly Address[]): LookupFunction {
  return (_host, { all }, answer) => {
    const [first] = addresses
    if (all) answer(null, [...addresses])
    else answer(null, first?.address ?? '', first?.family ?? 0)
  }
}

function headersOf({ id, secret, body }: Parcel, nowMs: number): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Tollgate-Webhooks',
    'webhook-id': id,
    // Of this sending and not of the event: receivers refuse what is more than minutes old.
    'webhook-timestamp': String(Math.floor(nowMs / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(nowMs), body),
  }
}

function judged(status: number): Sent {
  if (status >= 200 && status < 300) return { delivered: true, status }
  const failure = status === 410 ? 'gone' : status >= 300 && status < 400 ? 'redirect' : 'status'
  return { delivered: false, status, failure }
}

const failures: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_OVERFLOW: 'not_http',
}

function failureOf(error: unknown): Failure {
  if (error instanceof PrivateAddress) return 'private_address'
  if (error instanceof Unresolved) return 'unresolved'
  if (error instanceof errors.HTTPParserError) return 'not_http'
  const { code } = (error instanceof AggregateError ? error.errors[0] : error) as { code?: unknown }
  if (typeof code !== 'string') return 'failed'
  if (/CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) return 'tls'
  return failures[code] ?? 'failed'
}
