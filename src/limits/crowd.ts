import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Logger } from 'pino'

/** Kept free for the database, the log, the files of replays and what Node itself has open. */
const ownDescriptors = 128
/** The most connections the house opens to its upstream. */
const mostToUpstream = 1024
/** Idle connections cost memory too, so there is an end to them even where the machine has none. */
const mostEver = 8192
const usual = 4096

/** How many callers may be connected at once, so that descriptors are left for the upstream and the books. */
export function mostCallers(limits: string = ownLimits()): number {
  const descriptors = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN)
  if (Number.isNaN(descriptors)) return limits.includes('Max open files') ? mostEver : usual
  const shared = Math.max(2, descriptors - ownDescriptors)
  return Math.min(mostEver, shared - Math.min(mostToUpstream, Math.floor(shared / 2)))
}

// Linux tells it nowhere else without a native module; on other systems there is no such file.
function ownLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}

const oncePerMs = 60_000

/** Closes connections past so many as they arrive, which harms none of those there are, and says so once a minute. */
export function boundCrowd(server: Server, most: number, log: Logger, everyMs = oncePerMs): void {
  server.maxConnections = most
  let refused = 0
  let timer: NodeJS.Timeout | undefined

  function tell(): void {
    timer = undefined
    if (refused === 0) return
    log.warn({ reason: 'connections_refused', refused, most }, 'more callers than this house takes at once')
    refused = 0
    timer = setTimeout(tell, everyMs).unref()
  }

  server.on('drop', () => {
    refused++
    if (timer === undefined) tell()
  })
}
