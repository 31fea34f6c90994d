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

  /** Counts one failure; answers the seconds to wait once there were too many, else undefined. */
  function note(address: string): number | undefined {
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
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter(Boolean)
  const after = tail?.split(':').filter(Boolean) ?? []
  const whole =
    tail === undefined ? groups : [...groups, ...Array(8 - groups.length - after.length).fill('0'), ...after]
  return whole.slice(0, 4).join(':')
}
