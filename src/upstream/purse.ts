import type { Config } from '../config.ts'
import { openTokens, type Token } from './tokens.ts'
import { openPool } from './upstream.ts'

type Settings = Pick<
  Config,
  | 'upstream'
  | 'upstreamTokens'
  | 'upstreamCa'
  | 'upstreamConnectTimeoutMs'
  | 'upstreamBodyTimeoutMs'
  | 'answerLimitBytes'
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
}

const patienceMs = 10_000

/** Asks the upstream for the balance behind every master token, one after the other; none is spent. */
export async function purses(settings: Settings): Promise<readonly Purse[]> {
  const { upstream, upstreamCa, upstreamConnectTimeoutMs, upstreamBodyTimeoutMs, answerLimitBytes } = settings
  const pool = openPool({
    ...{ name: 'stability', ...upstream, ca: upstreamCa, answerLimitBytes },
    ...{ connectTimeoutMs: Math.min(upstreamConnectTimeoutMs, patienceMs), headersTimeoutMs: patienceMs },
    ...{ bodyTimeoutMs: upstreamBodyTimeoutMs, deadlineMs: patienceMs },
  })
  const tokens = openTokens(settings.upstreamTokens)
  const tried = new Set<string>()
  const found: Purse[] = []
  try {
    for (let token = tokens.take(tried); token; token = tokens.take(tried)) {
      tried.add(token.id)
      found.push(await purseOf(pool, `${upstream.path}/v1/user/balance`, token))
    }
    return found
  } finally {
    await pool.destroy()
  }
}

async function purseOf(pool: ReturnType<typeof openPool>, path: string, token: Token): Promise<Purse> {
  const none = { hint: token.hint, credits: undefined, reason: undefined, aheadMs: undefined }
  try {
    const signal = AbortSignal.timeout(patienceMs)
    const headers = token.sign(['accept', 'application/json'])
    const { statusCode, headers: back, body } = await pool.request({ method: 'GET', path, headers, signal })
    const aheadMs = aheadOf(String(back['date']))
    const text = statusCode === 200 ? await body.text() : void (await body.dump())
    return { ...none, ...judged(statusCode, text ?? ''), aheadMs }
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: string }
    // Not the message: it may repeat what was sent.
    return { ...none, state: 'unreachable', reason: typeof code === 'string' ? code : name }
  }
}

// The standing of a token as its calls would find it: 401 and 402 set it aside for good.
function judged(status: number, text: string): Pick<Purse, 'state'> & Partial<Purse> {
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
