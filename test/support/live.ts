import type { TestContext } from 'node:test'
import { unpaced } from '../../src/limits/pace.ts'
import { openTokens, type TokenChange } from '../../src/upstream/tokens.ts'
import { openTurns } from '../../src/upstream/turns.ts'
import { openUpstream, type Upstream } from '../../src/upstream/upstream.ts'

export type Live = Upstream & {
  /** As a call finds it out. */
  setAside(id: string, state: 'cooling' | 'empty' | 'revoked', ms?: number): void
  readonly changes: readonly TokenChange[]
  stateOf(id: string): string | undefined
}

/** The upstream of a house, in front of a stand-in and without the house. */
export function openLive(t: TestContext, origin: string, secrets: readonly string[]): Live {
  const tokens = openTokens(secrets.map((value) => ({ value, weight: 1 })))
  const turns = openTurns(tokens.all, {
    pace: unpaced,
    departures: unpaced,
    concurrency: 0,
    mostInFlight: 10,
    rest: true,
  })
  const times = { connectTimeoutMs: 1000, headersTimeoutMs: 4000, bodyTimeoutMs: 4000, deadlineMs: 5000 }
  const settings = { name: 'stability', origin, path: '', ca: undefined, ...times, answerLimitBytes: 100_000 }
  const upstream = openUpstream(settings, tokens, turns, () => undefined)
  t.after(() => upstream.close())
  const changes: TokenChange[] = []
  upstream.onTokenChange((change) => changes.push(change))

  function setAside(id: string, state: 'cooling' | 'empty' | 'revoked', ms?: number): void {
    const token = tokens.all.find((each) => each.id === id)
    if (!token) throw new Error(`there is no token ${id}`)
    turns.setAside(token, state, `found_${state}`, ms)
  }

  const stateOf = (id: string) => upstream.tokens().find((token) => token.id === id)?.state
  return { ...upstream, setAside, changes, stateOf }
}
