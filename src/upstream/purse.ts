import type { Pool } from 'undici'
import type { Config } from '../config.ts'
import { openPool } from './pool.ts'
import { openTokens, type Token } from './tokens.ts'

type Settings = Pick<
  Config,
  'upstream' | 'upstreamTokens' | 'upstreamCa' | 'upstreamConnectTimeoutMs' | 'upstreamBodyTimeoutMs'
>

/** What the upstream says of one master token, of which nothing but the hint is told. */
export type Purse = {
  readonly hint: string
  readonly state: 'active' | 'empty' | 'revoked' | 'limited' | 'unreachable' | 'strange'
  /** The upstream's own number, where it told one. */
  readonly credits: number | undefined
  /** The code of what went wrong on the way, or the status of a strange answer. */
  readonly reason: string | undefined
  /** How far the upstream's clock is ahead of ours, in milliseconds and at best to the second. */
  readonly aheadMs: number | undefined
  /** How long ago it was asked, in whole milliseconds. */
  readonly tookMs: number
}

const patienceMs = 10_000
/** A balance is one number; who sends more than this is not asked on. */
const longestBytes = 16 * 1024

/** Asks the upstream for the balance behind every master token, one after the other; none is spent. */
export async function purses(settings: Settings): Promise<readonly Purse[]> {
  const { upstream, upstreamCa, upstreamConnectTimeoutMs, upstreamBodyTimeoutMs } = settings
  const pool = openPool({
    ...{ origin: upstream.origin, ca: upstreamCa, bodyTimeoutMs: upstreamBodyTimeoutMs },
    ...{ connectTimeoutMs: Math.min(upstreamConnectTimeoutMs, patienceMs), headersTimeoutMs: patienceMs },
  })
  const found: Purse[] = []
  try {
    for (const token of openTokens(settings.upstreamTokens).all) {
      found.push(await purseOf(pool, `${upstream.path}/v1/user/balance`, token))
    }
    return found
  } finally {
    await pool.destroy()
  }
}

/** Asks the balance behind one token; every trouble on the way is a value. */
export async function purseOf(pool: Pool, path: string, token: Token): Promise<Purse> {
  const none = { hint: token.hint, credits: undefined, reason: undefined, aheadMs: undefined }
  const sinceMs = performance.now()
  const tookMs = () => Math.ceil(performance.now() - sinceMs)
  try {
    const signal = AbortSignal.timeout(patienceMs)
    const headers = token.sign(['accept', 'application/json'])
    const { statusCode, headers: back, body } = await pool.request({ method: 'GET', path, headers, signal })
    const aheadMs = aheadOf(String(back['date']))
    return { ...none, ...judged(statusCode, await beginning(body)), aheadMs, tookMs: tookMs() }
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: string }
    // Not the message: it may repeat what was sent.
    return { ...none, state: 'unreachable', reason: typeof code === 'string' ? code : name, tookMs: tookMs() }
  }
}

async function beginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let read = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    read += chunk.length
    if (read > longestBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

// The standing of a token as its calls would find it: 401 and 402 set it aside for good.
function judged(status: number, text: string): Pick<Purse, 'state'> & Partial<Omit<Purse, 'tookMs'>> {
  if (status === 401 || status === 403) return { state: 'revoked' }
  if (status === 402) return { state: 'empty' }
  if (status === 429) return { state: 'limited' }
  if (status !== 200) return { state: 'strange', reason: `status ${status}` }
  const credits = creditsIn(text)
  if (credits === undefined) return { state: 'strange', reason: 'no balance in the answer' }
  return { state: credits > 0 ? 'active' : 'empty', credits }
}

function creditsIn(text: string): number | undefined {
  try {
    const { credits } = JSON.parse(text) as { credits?: unknown }
    return typeof credits === 'number' ? credits : undefined
  } catch {
    return undefined
  }
}

function aheadOf(date: string): number | undefined {
  const ms = Date.parse(date)
  return Number.isNaN(ms) ? undefined : ms - Date.now()
}
