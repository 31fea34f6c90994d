import { lookup, Resolver } from 'node:dns/promises'

export type Address = { readonly address: string; readonly family: number }

export type Resolve = (host: string) => Promise<readonly Address[]>

type Asked = {
  /** Name servers as `address:port`; those of the system when not given. */
  readonly servers?: readonly string[] | undefined
  /** For each of two tries, which are over well within the time of a sending. */
  readonly timeoutMs?: number | undefined
}

// Only the system knows names of its own, such as those in its hosts file, and it is asked where there is no such name.
const nobody = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED'])

/**
 * Finds every address of a name. The system's own look-up waits in one of few threads, which new connections to the
 * upstream need too; so names of the internet are asked without it, and a name server that hangs holds up no call.
 */
export function openResolver({ servers, timeoutMs = 2000 }: Asked = {}): Resolve {
  return async (host) => {
    if (!host.includes('.')) return lookup(host, { all: true })
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
    if (servers) resolver.setServers(servers)
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found = answers.flatMap((answer, index) => (answer.status === 'fulfilled' ? told(answer.value, index) : []))
    if (found.length > 0) return found
    const failure = answers.map(reasonOf).find(({ code = '' }) => !nobody.has(code))
    if (failure) throw failure
    return lookup(host, { all: true })
  }
}

function told(addresses: readonly string[], index: number): Address[] {
  return addresses.map((address) => ({ address, family: index === 0 ? 4 : 6 }))
}

function reasonOf(answer: PromiseSettledResult<unknown>): { readonly code?: string } {
  return answer.status === 'rejected' ? answer.reason : {}
}
