import { setTimeout as sleep } from 'node:timers/promises'
import type { Door } from './fleet.ts'
import type { AccountPlan, ActStep, KeyPlan } from './plan.ts'

const credit = 1_000_000

export type Tenant = {
  readonly id: string
  readonly plan: AccountPlan
  /** In the order of the plan; a replaced key gives its place to its successor. */
  readonly keys: { id: string; secret: string }[]
}

/** What the acts of operators have made sure, for the verdict. */
export type Acts = {
  /** Millionths granted to an account and acknowledged. */
  readonly granted: Map<string, number>
  readonly barred: { secret: string; sinceMs: number; untilMs: number }[]
  readonly faults: string[]
  /** How often each kind was done, and how often it was refused or got no answer. */
  readonly done: Map<string, number>
}

type Operating = { readonly doors: readonly Door[]; readonly tenants: readonly Tenant[]; readonly leewayMs: number }

/** Operators at work: each act goes through the admin API, and is asked again when a kill swallowed its answer. */
export function openActs({ doors, tenants, leewayMs }: Operating) {
  const acts: Acts = { granted: new Map(), barred: [], faults: [], done: new Map() }

  function admin(step: ActStep, method: string, path: string, body?: unknown, headers = {}) {
    return insist(() => doors[step.door % doors.length]?.admin(method, path, body, headers))
  }

  function count(kind: string, status: number): void {
    const name = status < 300 ? kind : `${kind} ${status}`
    acts.done.set(name, (acts.done.get(name) ?? 0) + 1)
    if (status >= 500 && status !== 503) acts.faults.push(`${kind}: the admin API answered ${status}`)
  }

  async function grant(step: ActStep, { id }: Tenant): Promise<void> {
    const headers = { 'idempotency-key': step.name }
    const body = { credits: step.amount / credit, reason: 'walk' }
    const reply = await admin(step, 'POST', `/accounts/${id}/grants`, body, headers)
    count('grant', reply.status)
    if (reply.status === 201 || reply.status === 200) {
      acts.granted.set(id, (acts.granted.get(id) ?? 0) + step.amount)
    }
  }

  /** Asked by two operators at once. */
  async function refund(step: ActStep, callId: string | undefined): Promise<void> {
    if (callId === undefined) return
    const ask = (door: number) => admin({ ...step, door }, 'POST', `/calls/${callId}/refund`, { reason: 'walk' })
    const replies = await Promise.all([ask(0), ask(1)])
    for (const { status } of replies) count('refund', status)
    if (replies.every(({ status }) => status === 201)) acts.faults.push(`${callId} was refunded twice`)
  }

  async function replaceKey(step: ActStep, { id, keys, plan }: Tenant): Promise<void> {
    const [old, wish] = [keys[step.key], plan.keys[step.key]]
    if (!old || !wish) return
    const made = await admin(step, 'POST', `/accounts/${id}/keys`, wishOf(wish))
    count('new key', made.status)
    if (made.status !== 201) return
    keys[step.key] = { id: String(made.body['id']), secret: String(made.body['secret']) }
    const revoked = await admin(step, 'POST', `/keys/${old.id}/revoke`)
    count('revoke', revoked.status)
    if (revoked.status < 300) bar(old.secret, performance.now() + leewayMs)
  }

  async function rotate(step: ActStep, { keys }: Tenant): Promise<void> {
    const old = keys[step.key]
    if (!old) return
    const made = await admin(step, 'POST', `/keys/${old.id}/rotate`, { grace_seconds: 1 })
    count('rotate', made.status)
    if (made.status !== 201 && made.status !== 200) return
    keys[step.key] = { id: String(made.body['id']), secret: String(made.body['secret']) }
    bar(old.secret, performance.now() + 1000 + leewayMs)
  }

  async function suspend(step: ActStep, { id, keys }: Tenant): Promise<void> {
    const suspended = await admin(step, 'PATCH', `/accounts/${id}`, { status: 'suspended' })
    count('suspend', suspended.status)
    if (suspended.status !== 200) return
    const sinceMs = performance.now() + leewayMs
    const secrets = keys.map(({ secret }) => secret)
    await sleep(leewayMs + 60)
    const untilMs = performance.now()
    for (let status = 0; status !== 200; ) {
      status = (await admin(step, 'PATCH', `/accounts/${id}`, { status: 'active' })).status
    }
    for (const secret of secrets) bar(secret, sinceMs, untilMs)
  }

  async function quota(step: ActStep, { keys, plan }: Tenant): Promise<void> {
    const [key, wish] = [keys[1], plan.keys[1]]
    if (!key || !wish?.quota) return
    const wanted = { credits: Math.round(step.amount / credit), period: wish.quota.period }
    count('quota', (await admin(step, 'PATCH', `/keys/${key.id}`, { quota: wanted })).status)
  }

  function bar(secret: string, sinceMs: number, untilMs = Number.POSITIVE_INFINITY): void {
    acts.barred.push({ secret, sinceMs, untilMs })
  }

  /** `charged` are ids of calls that somebody got a picture for. */
  async function perform(step: ActStep, charged: readonly string[]): Promise<void> {
    const tenant = tenants[step.account]
    if (!tenant) return
    if (step.kind === 'grant') await grant(step, tenant)
    else if (step.kind === 'refund') await refund(step, charged[Math.floor(step.amount / credit) % charged.length])
    else if (step.kind === 'replace-key') await replaceKey(step, tenant)
    else if (step.kind === 'rotate') await rotate(step, tenant)
    else if (step.kind === 'suspend') await suspend(step, tenant)
    else await quota(step, tenant)
  }

  return { ...acts, perform }
}

type Answer = Awaited<ReturnType<Door['admin']>>

async function insist(ask: () => Promise<Answer> | undefined): Promise<NonNullable<Answer>> {
  for (;;) {
    const answer = await ask()
    if (answer && answer.status !== 503) return answer
    await sleep(20)
  }
}

export function wishOf({ mode, quota, maxConcurrency }: KeyPlan) {
  return {
    ...{ name: 'walk', mode },
    ...(quota ? { quota: { credits: quota.credits / credit, period: quota.period } } : {}),
    ...(maxConcurrency === null ? {} : { max_concurrency: maxConcurrency }),
  }
}
