import { type Credits, noCredits } from '../credits.ts'
import { Problem, StoreUnavailable } from '../errors.ts'
import { newId } from '../ids.ts'
import { type Row, rowOf, type Statement, type Store, statementsOf, type Unit, type Written } from '../store/store.ts'
import { dayOf } from '../times.ts'
import { formOfEnd, formOfHold } from './forms.ts'
import { why } from './refusal.ts'
import * as texts from './texts.ts'

/** What a call asks the ledger to set aside: the most it can cost. Test calls set aside nothing. */
export type Request = {
  readonly id: string
  readonly accountId: string
  readonly keyId: string
  readonly spendId: string
  readonly offer: string
  readonly mode: 'live' | 'test'
  readonly amount: Credits
  readonly price: Credits
  readonly priceVersion: number
  readonly upstream: string
  readonly bytesIn: number
  readonly clientRequestId: string | null
}

/** Credits set aside for one call, until exactly one settle or release ends it. */
export type Hold = Request & { readonly balance: Balance /** The day it counts in. */; readonly day: number }

/** `available` is posted minus held, never below zero. */
export type Balance = { readonly posted: Credits; readonly held: Credits; readonly available: Credits }

/** How a call ended, as the ledger keeps it. */
export type Ending = {
  readonly outcome: 'succeeded' | 'filtered' | 'failed' | 'unknown' | 'recovered'
  readonly reason: string
  readonly mayBill: boolean
  /** What is charged when it is settled, at most what is held. */
  readonly credits: Credits
  readonly tokenId?: string | undefined
  /** JSON: each try at the upstream. */
  readonly attempts?: string | undefined
  readonly status?: number | undefined
  readonly upstreamStatus?: number | undefined
  readonly upstreamMs?: number | undefined
  readonly bytesOut?: number | undefined
}

export type Entry = {
  readonly id: string
  readonly kind: 'grant' | 'charge' | 'refund' | 'adjust'
  readonly credits: Credits
  readonly postedAfter: Credits
  readonly callId: string | null
  readonly reason: string | null
  readonly createdAtMs: number
}

export type Gift = {
  readonly accountId: string
  /** Below zero takes back, as an entry of kind `adjust`. */
  readonly credits: Credits
  readonly reason: string
  /** A grant with the same reference happens once. */
  readonly reference?: string | undefined
}

/** A statement given alongside refused the unit, by this word of its own. */
export class RefusedAlongside extends Error {
  readonly word: string

  constructor(word: string) {
    super(`refused as ${word}`)
    this.word = word
  }
}

/** How long a transaction whose connection was lost may still be under way on the server. */
const lostMs = 60_000
const noBalance: Balance = { posted: noCredits, held: noCredits, available: noCredits }
const unconfirmed: Ending = { outcome: 'failed', reason: 'hold_unconfirmed', mayBill: false, credits: noCredits }

type Made = { readonly balance: Balance; readonly day: number } | { readonly refused: string }

function madeBy(done: Written | Made): Made {
  if ('balance' in done || done.refused !== undefined) return done
  return madeAs(rowOf(done.rows, 1))
}

function madeAs(row: Row): Made {
  return { balance: balanceOf(row), day: Number(row['day']) }
}

function balanceIn(end: Written): Balance | undefined {
  return end.refused === undefined ? balanceOf(rowOf(end.rows, 2)) : undefined
}

/** A unit that no other shares its transaction with. */
function alone(unit: Unit): readonly Statement[] {
  return 'form' in unit ? statementsOf(unit) : unit
}

function isLost(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.trouble === 'gone'
}

export type Ledger = ReturnType<typeof openLedger>

/**
 * The books: each verb is one transaction, whose check and effect are the same statement. Statements given as
 * `alongside` share it. All throw StoreUnavailable when the database cannot write; then nothing has happened.
 */
export function openLedger(store: Store, owner: string) {
  const lost = new Map<string, { readonly untilMs: number }>()

  /** Throws the Problem with which a hold would be refused as things stand; holds nothing. */
  async function foresee(request: Request): Promise<void> {
    const problem = await why(store, request, Date.now())
    if (problem) throw problem
  }

  /** Throws Problem: insufficient_credits, quota_exceeded, unauthorized, account_suspended; RefusedAlongside. */
  async function hold(request: Request, alongside: readonly Statement[] = []): Promise<Hold> {
    for (let tries = 3; ; tries--) {
      const nowMs = Date.now()
      const filled = formOfHold(request, owner, nowMs)
      // Only alone is a refusal certain, so what was refused among many is asked for once more by itself.
      const among = tries === 3 && alongside.length === 0
      const done = await written(request, among ? filled : [...statementsOf(filled), ...alongside])
      if ('balance' in done) return { ...request, ...done }
      if (done.refused !== 'account' && done.refused !== 'quota') throw new RefusedAlongside(done.refused)
      // The reason is read afterwards; when it is gone by then, the hold deserves another try.
      const problem = await why(store, request, nowMs)
      if (problem) throw problem
      if (tries === 0) throw new Problem('busy')
    }
  }

  /** One try at a hold. After a lost connection the call's id tells whether it was made; if not, it is made once more. */
  async function written(request: Request, unit: Unit): Promise<Made> {
    try {
      return madeBy(await store.write(unit))
    } catch (error) {
      if (!isLost(error)) throw error
    }
    lost.set(request.id, { untilMs: performance.now() + lostMs })
    const made = (await heldAs(request.id)) ?? madeBy(await store.write(alone(unit)).catch(unlessHeld(request.id)))
    // The first try can end no other way any more: it has been made, or its id has been given to this one.
    if ('balance' in made) lost.delete(request.id)
    return made
  }

  function unlessHeld(id: string) {
    return async (error: unknown): Promise<Made> => {
      const held = isLost(error) ? undefined : await heldAs(id)
      if (held) return held
      throw error
    }
  }

  async function heldAs(id: string): Promise<Made | undefined> {
    const [row] = await store.read(texts.stateAndBalance, [id])
    return row?.['state'] === 'held' ? madeAs(row) : undefined
  }

  /** Releases holds whose making nobody could confirm, once they turn up; answers how many did. */
  async function tidy(): Promise<number> {
    let count = 0
    for (const [id, { untilMs }] of lost) {
      const [row] = await store.read(texts.openHold, [id])
      if (row && (await release(holdOf(row), unconfirmed))) count++
      else if (performance.now() < untilMs) continue
      lost.delete(id)
    }
    return count
  }

  /** Charges what the ending says and frees the rest; safe to ask again. Throws Problem hold_expired when the hold was released. */
  async function settle(hold: Hold, ending: Ending, alongside: readonly Statement[] = []): Promise<Balance> {
    if (ending.credits > hold.amount) throw new Error(`call ${hold.id} would be charged more than it holds`)
    const balance = await end('settled', hold, ending, alongside)
    if (balance) return balance
    // Only the owner settles, so a settled call is one whose first answer was lost on the way here.
    const settled = await endedAs('settled', hold.id)
    if (!settled) throw new Problem('hold_expired')
    return settled
  }

  /** Frees what is held and charges nothing. Answers undefined when the hold has ended before. */
  async function release(
    hold: Hold,
    ending: Ending,
    alongside: readonly Statement[] = [],
  ): Promise<Balance | undefined> {
    return end('released', hold, ending, alongside)
  }

  /** A lost connection is no answer, so it is asked again; the first try may have ended the hold. */
  async function end(
    state: 'settled' | 'released',
    hold: Hold,
    ending: Ending,
    alongside: readonly Statement[],
  ): Promise<Balance | undefined> {
    const nowMs = Date.now()
    const filled = formOfEnd(state, hold, ending, nowMs)
    const more = hold.day < dayOf(nowMs) ? [texts.late(hold.id), ...alongside] : alongside
    const unit = more.length === 0 ? filled : [...statementsOf(filled), ...more]
    try {
      return balanceIn(await store.write(unit, { lane: 'end' }))
    } catch (error) {
      if (!isLost(error)) throw error
    }
    return balanceIn(await store.write(alone(unit), { lane: 'end' })) ?? endedAs(state, hold.id)
  }

  async function endedAs(state: 'settled' | 'released', callId: string): Promise<Balance | undefined> {
    const [row] = await store.read(texts.stateAndBalance, [callId])
    return row?.['state'] === state ? balanceOf(row) : undefined
  }

  /** Ends a call of which nothing was delivered, whatever its state: an open hold is released, a charge refunded. */
  async function undo(hold: Hold, ending: Ending): Promise<'released' | 'refunded' | 'nothing to undo'> {
    if (await release(hold, ending)) return 'released'
    const back = await store.write(texts.refund(hold.id, newId('ent'), 'undelivered', Date.now()))
    return back.refused === undefined ? 'refunded' : 'nothing to undo'
  }

  /** Gives a charge back, once. Throws Problem: not_found, conflict (nothing was charged), already_refunded. */
  async function refund(callId: string, reason: string, alongside: readonly Statement[] = []): Promise<Entry> {
    const done = await store.write([...texts.refund(callId, newId('ent'), reason, Date.now()), ...alongside])
    if (done.refused === undefined) return entryOf(rowOf(done.rows, 3))
    const [call] = await store.read('SELECT refunded_at FROM calls WHERE id = $1', [callId])
    if (!call) throw new Problem('not_found', { sentence: 'There is no such call.' })
    if (call['refunded_at'] !== null) throw new Problem('already_refunded')
    throw new Problem('conflict', { sentence: 'The call was not charged, so there is nothing to refund.' })
  }

  /** Throws Problem: not_found, conflict (closed, or too few available), idempotency_conflict. */
  async function grant(gift: Gift, alongside: readonly Statement[] = []): Promise<Entry> {
    const done = await store.write([...texts.grant(gift, newId('ent'), Date.now()), ...alongside])
    if (done.refused === undefined) return entryOf(rowOf(done.rows, 1))
    if (done.refused === 'repeated') return repeated(gift)
    const [account] = await store.read('SELECT status FROM accounts WHERE id = $1', [gift.accountId])
    if (!account) throw new Problem('not_found', { sentence: 'There is no such account.' })
    if (gift.reference !== undefined && (await granted(gift))) return repeated(gift)
    if (account['status'] === 'closed') throw new Problem('conflict', { sentence: 'The account is closed.' })
    if (gift.credits > 0) throw new Problem('conflict', { sentence: 'An account cannot own that many credits.' })
    throw new Problem('conflict', { sentence: 'The account has fewer credits available than that.' })
  }

  async function repeated(gift: Gift): Promise<Entry> {
    const entry = await granted(gift)
    if (entry?.credits === gift.credits && entry.reason === gift.reason) return entry
    throw new Problem('idempotency_conflict', { sentence: 'This Idempotency-Key was used for another grant.' })
  }

  async function granted({ accountId, reference }: Gift): Promise<Entry | undefined> {
    const [row] = await store.read('SELECT * FROM entries WHERE account_id = $1 AND reference = $2', [
      accountId,
      reference ?? null,
    ])
    return row && entryOf(row)
  }

  /** Releases every open hold of the given owner, in small units, and answers how many there were. */
  async function recover(gone: string): Promise<number> {
    const ending: Ending = { outcome: 'recovered', reason: 'recovered_release', mayBill: true, credits: 0 as Credits }
    for (let count = 0; ; ) {
      const open = await store.read(texts.openHolds, [gone])
      if (open.length === 0) return count
      for (const row of open) if (await release(holdOf(row), ending)) count++
    }
  }

  /** Removes at most so many ended calls older than an id, and answers how many; their entries and usage stay. */
  async function forgetCalls(beforeId: string, most: number): Promise<number> {
    const done = await store.write([{ sql: texts.forgetCalls, params: [beforeId, most] }])
    return done.rows[0]?.length ?? 0
  }

  return { hold, foresee, tidy, settle, release, undo, refund, grant, recover, forgetCalls }
}

function holdOf(row: Readonly<Record<string, unknown>>): Hold {
  return {
    id: String(row['id']),
    accountId: String(row['account_id']),
    keyId: String(row['key_id']),
    spendId: String(row['spend_id']),
    offer: String(row['offer']),
    mode: row['mode'] === 'test' ? 'test' : 'live',
    amount: Number(row['held']) as Credits,
    price: Number(row['price']) as Credits,
    priceVersion: Number(row['price_version']),
    upstream: String(row['upstream']),
    bytesIn: Number(row['bytes_in']),
    clientRequestId: null,
    balance: noBalance,
    day: Number(row['day']),
  }
}

/** Reads the columns `posted` and `held`. */
export function balanceOf(row: Readonly<Record<string, unknown>>): Balance {
  const posted = Number(row['posted']) as Credits
  const held = Number(row['held']) as Credits
  return { posted, held, available: (posted - held) as Credits }
}

/** Reads a whole row of `entries`. */
export function entryOf(row: Readonly<Record<string, unknown>>): Entry {
  return {
    id: String(row['id']),
    kind: row['kind'] as Entry['kind'],
    credits: Number(row['credits']) as Credits,
    postedAfter: Number(row['posted_after']) as Credits,
    callId: row['call_id'] as string | null,
    reason: row['reason'] as string | null,
    createdAtMs: Number(row['created_at']),
  }
}
