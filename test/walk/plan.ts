import { modeNames } from '../support/stand-in-modes.ts'
import { openRandom, type Random } from './random.ts'

/** How a caller behaves towards the house. */
export type Manner =
  | 'honest'
  | 'half-close'
  | 'slow-upload'
  | 'leaves-upload'
  | 'leaves-at-once'
  | 'leaves-waiting'
  | 'leaves-download'
  | 'stalls'
  | 'stranger'
  | 'malformed'

export type CallStep = {
  readonly kind: 'call'
  /** Its place in the plan, and what names it everywhere: `w17` is in its prompt and its x-request-id. */
  readonly name: string
  readonly account: number
  readonly key: number
  readonly prompt: string
  readonly fields: Readonly<Record<string, string>>
  readonly accept: 'image/*' | 'application/json'
  readonly manner: Manner
  /** Milliseconds before a caller who leaves does so. */
  readonly patienceMs: number
  readonly idempotencyKey: string | undefined
  readonly boundary: string
  /** Which of several replicas is asked. */
  readonly door: number
}

export type ActStep = {
  readonly kind: 'grant' | 'refund' | 'replace-key' | 'rotate' | 'suspend' | 'quota'
  readonly name: string
  readonly account: number
  readonly key: number
  /** Millionths. */
  readonly amount: number
  readonly door: number
}

export type KeyPlan = {
  readonly mode: 'live' | 'test'
  readonly quota: { readonly credits: number; readonly period: 'day' | 'month' | 'total' } | null
  readonly maxConcurrency: number | null
}

/** Amounts in millionths. */
export type AccountPlan = {
  readonly credits: number
  readonly quota: KeyPlan['quota']
  readonly keys: readonly KeyPlan[]
}

export type Plan = {
  readonly accounts: readonly AccountPlan[]
  readonly steps: readonly (CallStep | ActStep)[]
  /** After how many steps the process is killed, and how many milliseconds later. */
  readonly kills: readonly { readonly after: number; readonly delayMs: number; readonly door: number }[]
}

const credit = 1_000_000

/**
 * Faults of the upstream that shut every token out for a minute come from single tokens instead. What an upstream says
 * unasked into a connection that has begun to carry the next request nobody can tell from the answer to that one, since
 * HTTP/1.1 numbers nothing; said into an idle connection it is a journey of its own.
 */
const notByPrompt = new Set(['auth-revoked', 'out-of-credits', 'rate-limited', 'poison-later'])
/** They cost a time-out, or megabytes. */
const dear = new Set([
  ...['never', 'never-billed', 'hang-on-accept', 'hang-on-headers', 'hang-mid-headers', 'hang-after-headers'],
  ...['hang-mid-body', 'hang-last-byte', 'info-flood', 'trickle', 'big-body', 'endless-body', 'error-huge'],
])
const cheapFaults = modeNames.filter((name) => !notByPrompt.has(name) && !dear.has(name))
const sandboxFaults = ['400', '402', '403', '422', '429', '500', '502', '503', 'busy', 'truncated', 'reset']

const manners: Readonly<Record<Manner, number>> = {
  honest: 74,
  'half-close': 3,
  'slow-upload': 3,
  'leaves-upload': 3,
  'leaves-at-once': 3,
  'leaves-waiting': 6,
  'leaves-download': 4,
  stalls: 0.4,
  stranger: 1.2,
  malformed: 2.4,
}

/** The whole walk as data: the same seed gives the same accounts, calls, acts and deaths. */
export function planOf(seed: number, calls: number, kills: number): Plan {
  const random = openRandom(seed)
  const accounts = accountsOf(random)
  const repeats = openRepeats(random)
  const steps: (CallStep | ActStep)[] = []
  for (let number = 0; number < calls; number++) {
    if (random.chance(0.03)) steps.push(actOf(random, `a${number}`, accounts))
    steps.push(repeats(callOf(random, `w${number}`, accounts)))
  }
  return { accounts, steps, kills: killsOf(random, steps.length, kills) }
}

/** Some are rich, some have too little from the start, and some are bound by a quota or by few slots. */
function accountsOf(random: Random): AccountPlan[] {
  const budgets = [1e6, 1e6, 1e6, 1e6, 9, 31.5, 1e6, 0]
  return budgets.map((credits, index) => ({
    credits: credits * credit,
    quota: index === 3 ? { credits: (300 + random.below(60)) * credit, period: 'day' } : null,
    keys: [
      { mode: 'live', quota: null, maxConcurrency: index === 6 ? 2 : null },
      {
        mode: 'live',
        quota: { credits: (60 + random.below(90)) * credit, period: random.pick(['day', 'month', 'total'] as const) },
        maxConcurrency: random.chance(0.5) ? 3 : null,
      },
      { mode: 'test', quota: null, maxConcurrency: null },
    ],
  }))
}

function callOf(random: Random, name: string, accounts: readonly AccountPlan[]): CallStep {
  const account = random.below(accounts.length)
  const key = random.weighed({ 0: 66, 1: 30, 2: 4 })
  const manner = random.weighed(manners)
  const prompt = key === '2' ? sandboxPrompt(random, name) : livePrompt(random, name, manner)
  return {
    ...{ kind: 'call', name, account, key: Number(key), prompt, manner },
    fields: random.chance(0.3) ? { output_format: random.pick(['png', 'jpeg', 'webp']), seed: '7' } : {},
    accept: random.chance(0.25) ? 'application/json' : 'image/*',
    patienceMs: random.below(manner === 'leaves-waiting' ? 60 : 8),
    idempotencyKey: undefined,
    boundary: `walk-${random.below(2 ** 31)}`,
    door: random.below(2),
  }
}

function livePrompt(random: Random, name: string, manner: Manner): string {
  // Large enough that the socket's buffers cannot swallow it.
  if (manner === 'stalls') return `mode:ok:9000000 ${name}`
  if (manner === 'leaves-download') return `mode:ok:700000 ${name}`
  const fault = random.weighed({ none: 40, slow: 24, cheap: 33, dear: 2.85, limited: 0.15 })
  if (fault === 'none') return name
  if (fault === 'slow') return `mode:slow-headers:${1 + random.below(25)} ${name}`
  if (fault === 'limited') return `mode:status-429:1 ${name}`
  return `mode:${random.pick(fault === 'cheap' ? cheapFaults : [...dear])} ${name}`
}

// A drawn picture costs real work, so most test calls ask for a fault.
function sandboxPrompt(random: Random, name: string): string {
  return random.chance(0.15) ? `${name} a lighthouse` : `sandbox:${random.pick(sandboxFaults)} ${name}`
}

/** Gives some calls an Idempotency-Key, and lets some of those repeat an earlier one, seldom with another body. */
function openRepeats(random: Random) {
  const recent: CallStep[] = []
  return (step: CallStep): CallStep => {
    if (!random.chance(0.14)) return step
    const first = random.chance(0.55) ? recent.at(-1 - random.below(12)) : undefined
    if (!first) {
      const named = { ...step, idempotencyKey: `order-${step.name}` }
      recent.push(named)
      return named
    }
    const { name, manner, boundary, patienceMs, door } = step
    const again = { ...first, name, manner, boundary, patienceMs, door }
    return random.chance(0.15) ? { ...again, prompt: `${first.prompt} otherwise ${name}` } : again
  }
}

function actOf(random: Random, name: string, accounts: readonly AccountPlan[]): ActStep {
  const kind = random.weighed({ grant: 40, refund: 25, 'replace-key': 10, rotate: 5, suspend: 5, quota: 15 })
  // Grants go mostly to those who have little, so that the race for the last credits goes on.
  const account = kind === 'grant' ? random.pick([4, 4, 5, 5, 7, 7, 0]) : random.below(accounts.length)
  const amount =
    { quota: 30 + random.below(600), refund: random.below(1e6) }[String(kind)] ?? 1.5 * (1 + random.below(16))
  return { kind, name, account, key: random.below(2), amount: amount * credit, door: random.below(2) }
}

function killsOf(random: Random, steps: number, kills: number) {
  const span = steps / (kills + 1)
  return Array.from({ length: kills }, (_, index) => ({
    after: Math.floor(span * (index + 0.5 + random.next())),
    delayMs: random.below(40),
    door: random.below(2),
  }))
}
