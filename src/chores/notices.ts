import type { EventName } from '../webhooks/events.ts'

type Caller = {
  readonly id: string
  readonly accountId: string
  readonly mode: 'live' | 'test'
  readonly quota: unknown
}

/** Ids of accounts and of keys. */
type Callers = { readonly accounts: readonly string[]; readonly keys: readonly string[] }

/** Bounds the memory between two looks; whoever is left out is seen with a later call. */
const mostCallers = 50_000
const mostCalls = 100

export type Notices = ReturnType<typeof openNotices>

/** What the paid door has seen since the last look. Noticing is synchronous, and nothing where nobody asked for it. */
export function openNotices(wants: (event: EventName) => boolean) {
  let accounts = new Set<string>()
  let keys = new Set<string>()
  let unknown: { count: number; calls: string[] } = { count: 0, calls: [] }

  /** A call that went through the ledger, whatever its outcome. */
  function noticed(callId: string, { id, accountId, mode, quota }: Caller, outcome: string): void {
    if (mode === 'test') return
    if (accounts.size < mostCallers && wants('account.balance_low')) accounts.add(accountId)
    if (quota && keys.size < mostCallers && wants('key.quota_low')) keys.add(id)
    if (outcome === 'unknown' && wants('calls.outcome_unknown')) add({ count: 1, calls: [callId] })
  }

  function add({ count, calls }: { readonly count: number; readonly calls: readonly string[] }): void {
    unknown.count += count
    unknown.calls.push(...calls.slice(0, mostCalls - unknown.calls.length))
  }

  return {
    noticed,
    /** Callers to look at besides: of before this process began to look, or not looked at after all. */
    called(callers: Callers): void {
      for (const id of callers.accounts) accounts.add(id)
      for (const id of callers.keys) keys.add(id)
    },
    /** Gives calls back that could not be told now. */
    untold: add,
    hasCallers: () => accounts.size + keys.size > 0,
    takeCallers(): Callers {
      const taken = { accounts: [...accounts], keys: [...keys] }
      accounts = new Set()
      keys = new Set()
      return taken
    },
    hasUnknown: () => unknown.count > 0,
    takeUnknown() {
      const taken = unknown
      unknown = { count: 0, calls: [] }
      return taken
    },
  }
}
