import type { Logger } from 'pino'
import type { SavedState, TokenStates } from '../upstream/token-states.ts'
import type { TokenChange } from '../upstream/tokens.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { type Rounds, startRounds } from './rounds.ts'

export type ShareRooms = {
  readonly states: TokenStates
  readonly upstream: Pick<Upstream, 'tokens' | 'learn' | 'onTokenChange'>
  readonly log: Logger
  /** Whether other replicas write to the same database. */
  readonly shared: boolean
  /** Well within the two seconds in which a change made at one replica has to be felt at all. */
  readonly everyMs?: number | undefined
}

/**
 * Keeps the states of the master tokens in the database: what was known before a restart is taken over before it
 * resolves, own changes are written as they happen, those of other replicas are looked for. Throws StoreUnavailable at
 * the start, and never later: what cannot be written is tried again with every round.
 */
export async function startSharingTokens(rooms: ShareRooms): Promise<Rounds> {
  const { states, upstream, log, shared, everyMs = 1000 } = rooms
  const seen = new Map<string, number>()
  const unwritten = new Map<string, TokenChange>()
  let writing: Promise<void> = Promise.resolve()

  function write(): Promise<void> {
    const work = writing.then(writeAll)
    writing = work.catch(() => undefined)
    return work
  }

  async function writeAll(): Promise<void> {
    for (let change = first(); change; change = first()) {
      const version = await states.save(change, seen.get(change.id) ?? 0)
      if (version !== undefined) seen.set(change.id, version)
      if (unwritten.get(change.id) === change) unwritten.delete(change.id)
    }
  }

  function first(): TokenChange | undefined {
    return unwritten.values().next().value
  }

  async function look(): Promise<void> {
    for (const state of await states.load()) take(state)
  }

  /** What was found out here and is not written yet comes first: the database then decides. */
  function take({ id, state, leftMs, version }: SavedState): void {
    if (version <= (seen.get(id) ?? 0) || unwritten.has(id)) return
    seen.set(id, version)
    const own = upstream.tokens().find((token) => token.id === id)
    if (own && (own.state !== state || leftMs > 0)) upstream.learn(id, state, leftMs)
  }

  await look()
  upstream.onTokenChange((change) => {
    // A time that is over is over for everybody, by the clock of the database.
    if (change.learnt || change.reason === 'time_over') return
    unwritten.set(change.id, change)
    // What failed is told by the next round.
    write().catch(() => undefined)
  })

  async function round(): Promise<void> {
    await write()
    if (shared) await look()
  }

  const failed = 'the states of tokens cannot be shared; tried again every second'
  const rounds = startRounds(round, { everyMs, log, reason: 'tokens', failed })
  return {
    async close() {
      await rounds.close()
      await write().catch((error: unknown) => log.warn({ err: error, reason: 'tokens' }, 'a restart forgets a state'))
    },
  }
}
