import type { Call } from '../support/stand-in-request.ts'
import type { Heard } from './caller.ts'
import type { Row } from './ground.ts'
import type { Seen } from './witness.ts'

/** All that was seen from outside, to hold against the rows. */
export type Evidence = {
  readonly heard: readonly (Heard & { readonly endedMs: number })[]
  readonly dispatched: readonly Call[]
  readonly calls: readonly Row[]
  readonly record: readonly Seen[]
  /** When a process was killed and when its successor was ready. */
  readonly downs: readonly { readonly fromMs: number; readonly toMs: number }[]
  /** Secrets that no call asked later than `sinceMs` and ended before `untilMs` may succeed with. */
  readonly barred: readonly { readonly secret: string; readonly sinceMs: number; readonly untilMs: number }[]
}

/** Answers that prove themselves whole and right; whatever else the stand-in says must cost nothing. */
const good =
  /^(ok|chunked|chunked-trailers|keepalive-lie|connection-close|split-bytes|slow-headers|slow-body|content-filtered|finish-unknown|seed|odd-headers|echo-token|info-10[023]|poison|poison-later|early-ok|stale-keepalive|length-too-short|status-200)(:|$)/
/** Refusals of a token, after which the parcel goes to the next one. */
const passedOn = /^(auth-revoked|out-of-credits|status-429)/
/** Refusals before anything is held. */
const early = new Set([
  ...['bad_request', 'unauthorized', 'insufficient_credits', 'forbidden', 'account_suspended', 'not_acceptable'],
  ...['request_timeout', 'idempotency_conflict', 'idempotency_in_progress', 'replay_gone', 'rate_limited'],
  ...['concurrency_limited', 'quota_exceeded', 'busy', 'shutting_down'],
])

/** One line for each promise that what callers and upstream saw contradicts. */
export function contradictions(evidence: Evidence): string[] {
  const byId = new Map(evidence.calls.map((row) => [String(row['id']), row]))
  const byName = new Map<string, Row[]>()
  for (const row of evidence.calls) {
    const name = String(row['client_request_id'])
    byName.set(name, [...(byName.get(name) ?? []), row])
  }
  return [
    ...evidence.heard.flatMap((heard) => told(heard, byName.get(heard.step.name) ?? [], byId, evidence)),
    ...sentOnce(evidence, byName),
    ...repeatedRight(evidence, byName),
    ...receiptsAddUp(evidence),
  ]
}

function told(heard: Evidence['heard'][number], rows: readonly Row[], byId: Map<string, Row>, evidence: Evidence) {
  const { step, status } = heard
  const faults: string[] = []
  const fault = (text: string) => faults.push(`${step.name} (${step.manner}, ${step.prompt}): ${text}`)
  if (heard.leaked) fault('the master token was in its answer')
  if (rows.length > 1) fault(`${rows.length} calls for one request`)
  if (status === 200) for (const text of success(heard, rows[0], byId)) fault(text)
  else if (status !== 0) for (const text of refusal(heard, rows[0])) fault(text)
  const waits = step.manner === 'honest' || step.manner === 'slow-upload'
  const died = evidence.downs.some(({ fromMs, toMs }) => fromMs <= heard.endedMs && heard.askedMs <= toMs)
  if (waits && !heard.whole && !died) fault(`no whole answer to a caller who waited: ${status} ${heard.text}`)
  if (status === 200 && late(heard, evidence)) fault('a key or account that was barred was served')
  return faults
}

function late({ secret, askedMs, endedMs }: Evidence['heard'][number], { barred }: Evidence): boolean {
  return barred.some((bar) => bar.secret === secret && askedMs > bar.sinceMs && endedMs < bar.untilMs)
}

function success(heard: Heard, row: Row | undefined, byId: Map<string, Row>): string[] {
  const { headers, step, whole, ownPicture, accountId } = heard
  if (headers['idempotent-replayed'] === 'true') {
    const first = byId.get(headers['x-request-id'] ?? '')
    const right = first?.['state'] === 'settled' && first['account_id'] === accountId && row === undefined
    return right ? [] : ['a replay of no charged call of this account, or one that made a call']
  }
  if (!row || row['id'] !== headers['x-request-id']) return ['a success without its call']
  const live = row['mode'] === 'live'
  return [
    ...(row['state'] === 'settled' ? [] : [`a first byte of success, and the call is ${row['state']}`]),
    ...(row['account_id'] === accountId ? [] : ["on another account's call"]),
    ...(headers['x-credits-charged'] === (live ? '3' : '0') ? [] : ['x-credits-charged is wrong']),
    ...(headers['x-credits-price'] === '3' ? [] : ['x-credits-price is wrong']),
    ...(/^\d+(\.\d+)?$/.test(headers['x-credits-available'] ?? '') ? [] : ['x-credits-available is missing']),
    ...(whole && live && !ownPicture ? ["somebody else's picture"] : []),
    ...(live === (headers['x-tollgate-mode'] === undefined) ? [] : [`x-tollgate-mode is wrong for ${step.key}`]),
  ]
}

function refusal({ headers, text, whole }: Heard, row: Row | undefined): string[] {
  if (!whole) return []
  const body = JSON.parse(text) as Record<string, unknown>
  const undone = row?.['state'] === 'settled' && row['refunded_at'] !== null
  const held = headers['x-credits-price'] !== undefined
  return [
    ...(row && row['state'] !== 'released' && !undone ? [`charged for ${body['name']}`] : []),
    ...(held && headers['x-credits-charged'] !== '0' ? ['a refusal that says it was charged'] : []),
    ...(held && !row ? ['a receipt without a call'] : []),
    ...(!held && row && early.has(String(body['name'])) ? [`held although refused before: ${body['name']}`] : []),
    ...(body['id'] === headers['x-request-id'] && Array.isArray(body['errors']) ? [] : ['a refusal out of shape']),
  ]
}

/** The upstream's record against the rows: a hold before each sending, one sending a hold, and no charge without work. */
function sentOnce({ heard, dispatched }: Evidence, byName: Map<string, Row[]>): string[] {
  const rows = new Map<string, Row[]>()
  for (const { step } of heard) {
    rows.set(step.prompt, [...(rows.get(step.prompt) ?? []), ...(byName.get(step.name) ?? [])])
  }
  const sent = new Map<string, Call[]>()
  for (const call of dispatched) {
    if (call.complete) sent.set(call.prompt, [...(sent.get(call.prompt) ?? []), call])
  }
  const faults: string[] = []
  for (const prompt of new Set([...rows.keys(), ...sent.keys()])) {
    const [holds, sendings] = [rows.get(prompt) ?? [], sent.get(prompt) ?? []]
    const tries = sendings.filter(({ mode }) => !passedOn.test(mode))
    const charged = holds.filter((row) => row['state'] === 'settled' && row['mode'] === 'live')
    const made = sendings.filter(({ mode, generated }) => generated && good.test(mode))
    if (sendings.length > 0 && holds.length === 0) faults.push(`sent without a hold: ${prompt}`)
    if (tries.length > holds.length) faults.push(`sent ${tries.length} times for ${holds.length} holds: ${prompt}`)
    if (charged.length > made.length) faults.push(`${charged.length} charged, ${made.length} made: ${prompt}`)
  }
  return faults
}

/** An Idempotency-Key is charged once, and every success with it is the same call and the same bytes. */
function repeatedRight({ heard }: Evidence, byName: Map<string, Row[]>): string[] {
  const groups = new Map<string, (typeof heard)[number][]>()
  for (const each of heard) {
    const { idempotencyKey } = each.step
    if (idempotencyKey === undefined) continue
    const group = `${idempotencyKey} of ${each.accountId}`
    groups.set(group, [...(groups.get(group) ?? []), each])
  }
  return [...groups].flatMap(([group, members]) => {
    const charged = members
      .flatMap(({ step }) => byName.get(step.name) ?? [])
      .filter(({ state }) => state === 'settled')
    const whole = members.filter(({ status, whole }) => status === 200 && whole)
    const answers = new Set(whole.map(({ headers, answerSha256 }) => `${headers['x-request-id']} ${answerSha256}`))
    return [
      ...(charged.length > 1 ? [`${charged.length} charges for ${group}`] : []),
      ...(answers.size > 1 ? [`${answers.size} different answers for ${group}`] : []),
    ]
  })
}

/** What was told as available, against the entry the charge wrote: the difference can only be other calls' holds. */
function receiptsAddUp({ heard, record }: Evidence): string[] {
  const posted = new Map<string, number>()
  const after = new Map<string, number>()
  for (const { kind, account, amount, call, state } of record) {
    if (kind !== 'entry') continue
    posted.set(account, (posted.get(account) ?? 0) + amount)
    if (state === 'charge') after.set(String(call), posted.get(account) ?? 0)
  }
  return heard.flatMap(({ step, headers, status }) => {
    const available = Number(headers['x-credits-available'])
    const own = after.get(headers['x-request-id'] ?? '')
    if (Number.isNaN(available) || status !== 200 || own === undefined) return []
    const others = own - Math.round(available * 1_000_000)
    return others >= 0 && others % 3_000_000 === 0
      ? []
      : [`${step.name}: x-credits-available is ${available} of ${own}`]
  })
}

/** More calls of one key in flight than it may have. */
export function crowded(record: readonly Seen[], mostByKey: ReadonlyMap<string, number>): string[] {
  const open = new Map<string, number>()
  return record.flatMap(({ kind, key, call }) => {
    if (kind !== 'hold' && kind !== 'end') return []
    const count = (open.get(key) ?? 0) + (kind === 'hold' ? 1 : -1)
    open.set(key, count)
    return count <= (mostByKey.get(key) ?? Number.POSITIVE_INFINITY)
      ? []
      : [`${call}: ${count} calls of ${key} in flight`]
  })
}
