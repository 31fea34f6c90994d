import type { Logger } from 'pino'
import { StoreRefusal } from '../store/store.ts'
import { type Client, type Line, openLine } from './redis-line.ts'
import { freeLeases, type Script } from './redis-scripts.ts'

export type Redis = {
  readonly state: 'up' | 'down'
  /** How often it went away since the start. */
  readonly losses: number
  /** Undefined when Redis is away: after at most 250 ms for those who find out, at once for all later ones. */
  ask(script: Script, keys: readonly string[], args: readonly string[]): Promise<readonly number[] | undefined>
  /** Runs the work each time Redis is back. */
  onBack(work: () => void): void
  close(): Promise<void>
}

const firstPauseMs = 100
const longestPauseMs = 2000
/** Redis has to stay this long before its next loss is met with the first pause again. */
const steadyMs = 10_000

/**
 * Redis behind a circuit: when it fails it is left alone, and looked for in the background until it takes writes again.
 * Throws StoreRefusal when it is there but REDIS_URL does not fit it; one that is not there is only a warning.
 */
export async function openRedis(url: string, log: Logger): Promise<Redis> {
  const newClient = await loadClient(url)
  const works: (() => void)[] = []
  let line: Line | undefined
  let losses = 0
  let pauseMs = firstPauseMs
  let timer: NodeJS.Timeout | undefined
  let opening: Promise<void> | undefined
  let isClosed = false

  async function open(): Promise<void> {
    const opened = await openLine(newClient())
    const sinceMs = performance.now()
    line = opened
    opened.ended.then((cause) => {
      line = undefined
      if (performance.now() - sinceMs > steadyMs) pauseMs = firstPauseMs
      if (!isClosed) lost(cause)
    })
  }

  function lost(cause: unknown): void {
    losses++
    missing(cause)
  }

  function missing(cause: unknown): void {
    log.warn(
      { reason: 'redis_down', why: wordFor(cause) },
      'Redis is away: each replica keeps rates and slots by itself',
    )
    lookAgain()
  }

  function lookAgain(): void {
    if (isClosed) return
    timer = setTimeout(() => {
      opening = open().then(cameBack, lookAgain)
    }, pauseMs)
    timer.unref()
    pauseMs = Math.min(2 * pauseMs, longestPauseMs)
  }

  function cameBack(): void {
    log.warn({ reason: 'redis_up' }, 'Redis is back: rates and slots are shared again')
    for (const work of works) work()
  }

  async function ask(script: Script, keys: readonly string[], args: readonly string[]) {
    try {
      return await line?.ask(script, keys, args)
    } catch {
      return undefined
    }
  }

  async function close(): Promise<void> {
    // Answers come in the order of the questions, so with this one all before it are done.
    await ask(freeLeases, ['tollgate:closing'], ['none'])
    isClosed = true
    clearTimeout(timer)
    await opening
    line?.end()
  }

  await open().catch((cause: unknown) => {
    const fault = settingsFault(cause)
    if (fault) throw new StoreRefusal(78, `REDIS_URL: ${fault}`)
    missing(cause)
  })
  return {
    get state() {
      return line ? 'up' : 'down'
    },
    get losses() {
      return losses
    },
    ask,
    onBack: (work) => void works.push(work),
    close,
  }
}

async function loadClient(url: string): Promise<() => Client> {
  // Here and not above, since a house without REDIS_URL has no use for it.
  const { createClient } = await import('@redis/client')
  return () =>
    createClient({
      url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: { reconnectStrategy: false, connectTimeout: 2000 },
    })
}

/** A word for the log; never the message, which is not ours and may repeat what was sent. */
function wordFor(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown'
  if ('code' in cause && typeof cause.code === 'string') return cause.code
  return /^[A-Z]{2,}(?= )/.exec(cause.message)?.[0] ?? cause.constructor.name
}

const faults: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS|^ERR invalid password/, 'Redis refuses this user or password.'],
  [/^NOAUTH/, 'Redis asks for a password.'],
  [/^ERR AUTH .*without any password|^ERR Client sent AUTH/, 'has a password, but this Redis has none.'],
  [/^NOPERM|^ERR .*user.*can't run this command/, 'this user may not run scripts on keys that begin with tollgate:.'],
  [/^ERR .*DB index/, 'this Redis has no database of that number.'],
  [/^MOVED|^ASK|^CLUSTERDOWN/, 'is a node of a cluster; rates and slots need a single Redis.'],
]

function settingsFault(cause: unknown): string | undefined {
  if (cause instanceof TypeError || cause instanceof URIError) {
    return 'must be a URL such as redis://user:password@host:6379/0, special characters percent-encoded.'
  }
  if (!(cause instanceof Error)) return undefined
  return faults.find(([pattern]) => pattern.test(cause.message))?.[1]
}
