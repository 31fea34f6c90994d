/**
 * A house that has been running for 400 days, always the same for the same size: most accounts call now and then, three
 * have made a tenth of all calls each, and twenty a hundredth. The books balance.
 */
import { type IdKind, idAt } from '../../src/ids.ts'
import { dayMs, dayOf } from '../../src/times.ts'
import { openRandom } from '../walk/random.ts'
import type { Line, Sink } from './scale-sink.ts'

const days = 399
const price = 3_000_000
const grant = 900_000_000
const refundedAfterMs = 3 * dayMs
/** One of them is bought more than the other. */
export const offers = ['stable-image-core', 'stable-image-core', 'stable-image-core', 'stable-image-other']

export type Size = { readonly calls: number; readonly accounts: number }
/** Who is worth asking for: the busiest, and one of the many. */
export type Filled = { readonly busy: Owner; readonly quiet: Owner; readonly call: string }
type Owner = { readonly account: string; readonly key: string }

type Account = {
  readonly id: string
  readonly keys: readonly Key[]
  readonly months: Map<string, { readonly line: Line; readonly sums: number[] }>
  posted: number
  entries: number
}
type Key = { readonly id: string; readonly mode: 'live' | 'test'; used: number }
type Call = {
  readonly id: string
  readonly account: Account
  readonly key: Key
  readonly offer: string
  readonly ms: number
}
type Sums = { calls: number; good: number; credits: number; readonly line: Line; readonly account: Account }

const columns = {
  accounts:
    'id,name,external_id,status,posted,held,entries,day,day_used,month_used,total_used,version,created_at'.split(','),
  account_words: 'account_id,word'.split(','),
  spends: 'id,day,day_used,month_used,total_used'.split(','),
  keys: 'id,account_id,spend_id,name,mode,digest,hint,rights,expires_at,revoked_at,version,created_at'.split(','),
  calls:
    'id,account_id,key_id,spend_id,offer,mode,state,outcome,reason,upstream_may_bill,price,price_version,held,credits,refunded_at,upstream,token_id,attempts,status,upstream_status,upstream_ms,bytes_in,bytes_out,owner,day,created_at,ended_at'.split(
      ',',
    ),
  entries: 'account_id,number,id,kind,credits,posted_after,call_id,reason,created_at'.split(','),
  usage: 'day,account_id,key_id,offer,mode,calls,succeeded,failed,credits'.split(','),
  usage_months: 'account_id,key_id,month,offer,mode,calls,succeeded,failed,credits'.split(','),
  audit: 'id,actor,action,subject,before,after,created_at'.split(','),
  operators: 'id,name,role,digest,hint,created_at'.split(','),
} as const

/** The part of an id behind its time, in the digits of ids. */
function numbered(serial: number): string {
  const text = serial.toString(32).padStart(16, '0')
  return text.replaceAll(/./g, (digit) => '0123456789abcdefghjkmnpqrstvwxyz'[Number.parseInt(digit, 32)] ?? '')
}

export async function fill(sink: Sink, { calls, accounts: count }: Size): Promise<Filled> {
  const { next, below } = openRandom(1)
  const startMs = Date.now() - days * dayMs
  let serial = 0
  const newId = (kind: IdKind, ms: number) => `${idAt(kind, ms)}${numbered(serial++)}`
  const put = (table: keyof typeof columns, line: Line) => sink.put(table, columns[table], line)
  const accounts: Account[] = []
  const refunds: { readonly call: Call; readonly ms: number; readonly line: (string | number | null)[] }[] = []
  const usage = new Map<number, Map<string, Sums>>()

  async function entry(account: Account, kind: string, credits: number, callId: string | null, ms: number) {
    account.posted += credits
    account.entries++
    const id = newId('ent', ms)
    await put('entries', [account.id, account.entries, id, kind, credits, account.posted, callId, 'bench', ms])
  }

  async function open(index: number, ms: number): Promise<void> {
    const id = newId('acc', ms)
    const keys = Array.from({ length: index < 23 ? 12 : 1 }, (_, each): Key => {
      return { id: newId('key', ms), mode: each % 12 === 11 || index % 50 === 49 ? 'test' : 'live', used: 0 }
    })
    const account: Account = { id, keys, months: new Map(), posted: 0, entries: 0 }
    accounts.push(account)
    await entry(account, 'grant', grant, null, ms)
    await put('audit', [newId('aud', ms), 'op_bootstrap', 'accounts.create', id, null, '{"status":"active"}', ms])
  }

  function add(call: Call, good: number, credits: number): void {
    const day = dayOf(call.ms)
    const sums = usage.get(day) ?? new Map<string, Sums>()
    usage.set(day, sums)
    const key = `${call.key.id} ${call.offer}`
    const line = [day, call.account.id, call.key.id, call.offer, call.key.mode]
    const sum = sums.get(key) ?? { calls: 0, good: 0, credits: 0, line, account: call.account }
    sums.set(key, sum)
    sum.calls++
    sum.good += good
    sum.credits += credits
  }

  async function call(index: number, ms: number): Promise<string> {
    const dice = next()
    const chosen = dice < 0.3 ? below(3) : dice < 0.5 ? 3 + below(20) : below(accounts.length)
    const account = accounts[Math.min(chosen, accounts.length - 1)]
    const key = account?.keys[below(account.keys.length)]
    if (!account || !key) throw new Error('no account')
    const made: Call = { id: newId('call', ms), account, key, offer: offers[below(offers.length)] ?? '', ms }
    const outcome = next()
    const good = outcome < 0.94 ? 1 : 0
    const charged = good && key.mode === 'live' ? price : 0
    if (charged > 0 && account.posted < price) await entry(account, 'grant', grant, null, ms)
    if (charged > 0) await entry(account, 'charge', -price, made.id, ms)
    key.used += charged
    add(made, good, charged)
    const line = [
      ...[made.id, account.id, key.id, key.id, made.offer, key.mode, good ? 'settled' : 'released'],
      ...[
        good ? 'succeeded' : outcome < 0.99 ? 'failed' : 'unknown',
        good ? 'ok' : 'upstream_500',
        outcome > 0.99 ? 1 : 0,
      ],
      ...[price, 1, key.mode === 'live' ? price : 0, charged, null, 'stability', 'tok_1'],
      ...['[{"tokenId":"tok_1","hint":"abcd","status":200,"reason":"ok","ms":4000}]', good ? 200 : 502, 200, 4000],
      ...[612, 1_500_000, 'local', dayOf(ms), ms, ms + 4000],
    ]
    if (charged > 0 && index % 200 === 0) refunds.push({ call: made, ms: ms + refundedAfterMs, line })
    else await put('calls', line)
    return made.id
  }

  async function refund(beforeMs: number): Promise<void> {
    for (let due = refunds[0]; due && due.ms < beforeMs; due = refunds[0]) {
      refunds.shift()
      const { call, ms, line } = due
      await entry(call.account, 'refund', price, call.id, ms)
      call.key.used -= price
      usage.get(dayOf(call.ms))?.forEach((sum, key) => {
        if (key === `${call.key.id} ${call.offer}`) sum.credits -= price
      })
      line[columns.calls.indexOf('refunded_at')] = ms
      await put('calls', line)
    }
  }

  async function writeUsage(beforeDay: number): Promise<void> {
    for (const [day, sums] of usage) {
      if (day >= beforeDay) continue
      usage.delete(day)
      for (const { line, account, calls, good, credits } of sums.values()) {
        const [, id = null, key = null, ...what] = line
        const at = [id, key, Math.floor(day / 100), ...what]
        const name = at.join()
        const month = account.months.get(name) ?? { line: at, sums: [0, 0, 0, 0] }
        account.months.set(name, month)
        for (const [index, more] of [calls, good, calls - good, credits].entries()) {
          month.sums[index] = (month.sums[index] ?? 0) + more
        }
        await put('usage', [...line, calls, good, calls - good, credits])
      }
    }
  }

  let last = ''
  for (let index = 0; index < calls; index++) {
    const ms = startMs + Math.floor((index / calls) * days * dayMs)
    // The house grows for most of the time; the busiest came first.
    const due = Math.min(count, Math.max(50, Math.ceil((index / calls / 0.9) * count)))
    while (accounts.length < due) await open(accounts.length, index === 0 ? startMs - dayMs : ms)
    last = await call(index, ms)
    if (index % 1000 === 0) await refund(ms)
    if (index % 10_000 === 0) await writeUsage(dayOf(ms - refundedAfterMs - 2 * dayMs))
  }
  await refund(Number.POSITIVE_INFINITY)
  await writeUsage(Number.POSITIVE_INFINITY)
  for (const [index, account] of accounts.entries()) await writeAccount(index, account, put)
  for (let index = 0; index < 500; index++) {
    const ms = startMs + index
    const role = index % 2 ? 'admin' : 'viewer'
    await put('operators', [newId('op', ms), `Operator ${index}`, role, `operator ${index}`, 'tg_admin_xxx', ms])
  }
  const [busy, quiet] = [accounts[0], accounts[Math.floor(count / 2)]].map((account) => {
    return { account: account?.id ?? '', key: account?.keys[0]?.id ?? '' }
  })
  if (!busy || !quiet) throw new Error('no account')
  return { busy, quiet, call: last }
}

async function writeAccount(
  index: number,
  { id, keys, months, posted, entries }: Account,
  put: (table: keyof typeof columns, line: Line) => Promise<void> | void,
): Promise<void> {
  const ms = Date.now() - days * dayMs
  const name = index < 60_000 ? `Customer ${index}` : `Team ${index}`
  const used = keys.reduce((sum, key) => sum + key.used, 0)
  const status = index % 100 === 99 ? 'suspended' : 'active'
  await put('accounts', [id, name, `crm-${index}`, status, posted, 0, entries, 0, 0, 0, used, 1, ms])
  for (const word of [name.toLowerCase(), ...name.toLowerCase().split(' '), `crm-${index}`]) {
    await put('account_words', [id, word])
  }
  for (const { line, sums } of months.values()) await put('usage_months', [...line, ...sums])
  for (const [each, key] of keys.entries()) {
    const expiresMs = (index + each) % 50 === 1 ? ms + dayMs : (index + each) % 50 < 10 ? ms + 4000 * dayMs : null
    const revokedMs = (index + each) % 50 === 49 ? ms : null
    await put('spends', [key.id, 0, 0, 0, key.used])
    await put('keys', [
      ...[key.id, id, key.id, `key ${each}`, key.mode, `digest ${key.id}`, 'tg_live_xxxx', '["call","read"]'],
      ...[expiresMs, revokedMs, 1, ms],
    ])
  }
}
