import { LruMap } from 'toad-cache'

type Window = { endsMs: number; failures: number }

const windowMs = 60_000
const allowed = 20
const rememberedAddresses = 100_000

export type Failures = ReturnType<typeof openFailures>

/**
 * Failed sign-ins by address. Only further failures are held back, so nobody behind a shared address is locked out by a
 * neighbour who guesses. IPv6 callers count by their /64, the smallest network a household or host is given.
 */
export function openFailures(now: () => number = () => performance.now()) {
  const windows = new LruMap<Window>(rememberedAddresses)

  /**
   * Counts one failure; answers the seconds to wait once there were too many, else undefined. A caller who has hung up
   * has no address any more, and nobody to tell.
   */
  function note(address: string | undefined): number | undefined {
    if (address === undefined) return undefined
    const network = networkOf(address)
    let window = windows.get(network)
    if (!window || window.endsMs <= now()) {
      window = { endsMs: now() + windowMs, failures: 0 }
      windows.set(network, window)
    }
    window.failures++
    return window.failures > allowed ? Math.ceil((window.endsMs - now()) / 1000) : undefined
  }

  return { note }
}

function networkOf(address: string): string {
  const text = address.toLowerCase()
  // IPv4 written as IPv6 (RFC 4291 section 2.5.5.2) is the same caller.
  if (text.includes('.')) return text.replace(/^::ffff:/, '')
  if (!text.includes(':')) return text
  const [head = '', tail] = text.split('::')
  const groups = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  const gap = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length)
  const whole = [...groups, ...Array<string>(gap).fill('0'), ...after]
  return whole
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
