import { liveCalls, type Span, type TokenCall } from '../ledger/token-calls.ts'
import { readings, tokensRead } from '../upstream/token-balances.ts'
import type { AdminRooms } from './admin.ts'
import { type Candidate, openCandidates } from './candidates.ts'
import { type CostOf, openReckoning, type Reckoned, type Sum } from './reckoning.ts'

type Told = { readonly id: string; readonly hint: string | null }
type Case = Told & { readonly reckoning: ReturnType<typeof openReckoning> }

export type ReckonedToken = Told & { readonly reckoned: Reckoned; readonly candidates: readonly Candidate[] }

export type ReckonedDay = {
  readonly tokens: readonly ReckonedToken[]
  /** Calls of the day that died with their process, so that nobody knows their token. */
  readonly lost: Sum
  readonly costOf: CostOf
}

const mostCandidates = 100

/** Compares each token's balance with what the ledger says its calls cost, over a UTC day. Throws StoreUnavailable. */
export async function reckonDay(day: Span, rooms: AdminRooms): Promise<ReckonedDay> {
  const costOf = costsIn(rooms)
  const cases = await openCases(day, rooms, costOf)
  const lost = { calls: 0, millionths: 0 }
  await eachCall(cases.span, rooms, async (call) => {
    // Which token it may have been billed to nobody knows, so it is no token's sum.
    if (call.tokenId !== null || !call.mayBill) for (const { reckoning } of await cases.of(call)) reckoning.add(call)
    else if (call.createdAtMs >= day.startMs && call.createdAtMs < day.endMs) {
      lost.calls++
      lost.millionths += costOf(call)
    }
  })
  const present = new Set(rooms.upstream.tokens().map(({ id }) => id))
  const reckoned = cases.all().map(({ id, hint, reckoning }) => ({ id, hint, reckoned: reckoning.reckon() }))
  const told = reckoned.filter((each) => present.has(each.id) || hasAny(each.reckoned))
  return { tokens: await withCandidates(told, cases.span, rooms), lost, costOf }
}

// What is no longer for sale cost at the upstream about what it cost here.
function costsIn({ catalog }: AdminRooms): CostOf {
  const listed = new Map(catalog.offers.map(({ id, listPrice }) => [id, listPrice]))
  return ({ offer, price }) => listed.get(offer) ?? price
}

/** A reckoning for each token that is set, that was read, or that a call names. */
async function openCases(day: Span, { store, upstream }: AdminRooms, costOf: CostOf) {
  const cases = new Map<string, Case>()

  async function open({ id, hint }: Told): Promise<Case> {
    const opened = { id, hint, reckoning: openReckoning(await readings(store, id, day), day, costOf) }
    cases.set(id, opened)
    return opened
  }

  for (const { id, hint } of upstream.tokens()) await open({ id, hint })
  for (const id of await tokensRead(store)) if (!cases.has(id)) await open({ id, hint: null })
  const all = (): readonly Case[] => [...cases.values()]
  return {
    all,
    span: around([day, ...all().map(({ reckoning }) => reckoning.span)]),
    /** Those a call may belong to: one that still runs has no token yet. */
    async of({ tokenId }: TokenCall): Promise<readonly Case[]> {
      return tokenId === null ? all() : [cases.get(tokenId) ?? (await open({ id: tokenId, hint: null }))]
    },
  }
}

/** Goes through the calls once more, and only where there is something to explain. */
async function withCandidates(
  told: readonly Omit<ReckonedToken, 'candidates'>[],
  span: Span,
  rooms: AdminRooms,
): Promise<readonly ReckonedToken[]> {
  const searches = told.map((each) => ({ each, search: openCandidates(each.reckoned, mostCandidates) }))
  const open = searches.filter(({ each }) => each.reckoned.unexplained !== 0)
  const add = async (call: TokenCall): Promise<void> => {
    for (const { each, search } of open) if (call.tokenId === null || call.tokenId === each.id) search.add(call)
  }
  if (open.length > 0) await eachCall(span, rooms, add)
  return searches.map(({ each, search }) => ({ ...each, candidates: search.found() }))
}

async function eachCall(span: Span, { store }: AdminRooms, work: (call: TokenCall) => Promise<void>): Promise<void> {
  for await (const calls of liveCalls(store, span)) for (const call of calls) await work(call)
}

function around(spans: readonly Span[]): Span {
  return {
    startMs: Math.min(...spans.map(({ startMs }) => startMs)),
    endMs: Math.max(...spans.map(({ endMs }) => endMs)),
  }
}

/** Whether there is anything to tell of a token that is no longer set. */
function hasAny({ first, settled, mayBill }: Reckoned): boolean {
  return first !== undefined || settled.calls > 0 || mayBill.calls > 0
}
