import { networkInterfaces } from 'node:os'
import type { Config, Environment } from './config.ts'
import { isLoopback } from './config-readers.ts'

/** What is wrong between settings that are each fine alone. */
export function contradictions(draft: Partial<Config>): string[] {
  const faults: string[] = []
  const { upstreamConnectTimeoutMs, upstreamHeadersTimeoutMs, upstreamBodyTimeoutMs, upstreamDeadlineMs } = draft
  if (!isBelow(upstreamConnectTimeoutMs, upstreamHeadersTimeoutMs)) {
    faults.push('UPSTREAM_CONNECT_TIMEOUT_MS: must be less than UPSTREAM_HEADERS_TIMEOUT_MS.')
  }
  if (!isBelow(upstreamHeadersTimeoutMs, upstreamDeadlineMs)) {
    faults.push('UPSTREAM_HEADERS_TIMEOUT_MS: must be less than UPSTREAM_DEADLINE_MS.')
  }
  if (!isBelow(upstreamBodyTimeoutMs, upstreamDeadlineMs)) {
    faults.push('UPSTREAM_BODY_TIMEOUT_MS: must be less than UPSTREAM_DEADLINE_MS.')
  }
  const { bodyLimitBytes, bytesInFlightLimit } = draft
  if (bodyLimitBytes !== undefined && bytesInFlightLimit !== undefined && bytesInFlightLimit < bodyLimitBytes) {
    faults.push('BYTES_IN_FLIGHT_LIMIT: must be at least BODY_LIMIT_BYTES, or the largest bodies are never taken.')
  }
  const { upstream, host, port } = draft
  if (upstream && draft.upstreamAllowHttp === false && isOpenHttp(upstream.origin)) {
    faults.push('UPSTREAM_URL: must be https: unless the host is loopback or UPSTREAM_ALLOW_HTTP=true.')
  }
  if (upstream && host && port && isOwnAddress(new URL(upstream.origin), host, port)) {
    faults.push('UPSTREAM_URL: must not point at this server itself (HOST and PORT).')
  }
  return faults
}

/** Two of which one could not be read do not contradict each other. */
function isBelow(less: number | undefined, more: number | undefined): boolean {
  return less === undefined || more === undefined || less < more
}

function isOpenHttp(origin: string): boolean {
  const url = new URL(origin)
  return url.protocol === 'http:' && !isLoopback(url.hostname)
}

/** Names and wildcards that may mean any loopback address; two spelled out and different are two servers. */
const vague = ['localhost', '0.0.0.0', '::']

function isOwnAddress(url: URL, host: string, port: number): boolean {
  if (Number(url.port || (url.protocol === 'https:' ? 443 : 80)) !== port) return false
  const theirs = url.hostname.replace(/^\[|\]$|\.$/g, '')
  const ours = host.toLowerCase()
  if (theirs === ours) return true
  if (ours !== 'localhost' && vague.includes(ours) && isOwnInterface(theirs)) return true
  const bothHere = [theirs, ours].every((name) => vague.includes(name) || isLoopback(name))
  return bothHere && (vague.includes(theirs) || vague.includes(ours))
}

function isOwnInterface(host: string): boolean {
  return Object.values(networkInterfaces()).some((entries) => entries?.some(({ address }) => address === host))
}

/** A mistyped name would leave its setting at the default without a word. */
export function unknownNames(env: Environment, known: readonly string[]): string[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith('UPSTREAM_') && env[name] && !known.includes(name))
  return unknown.map((name) => {
    const [nearest] = known.map((each) => ({ each, far: distance(name, each) })).sort((a, b) => a.far - b.far)
    return `${name}: is no setting${nearest && nearest.far <= 2 ? `; did you mean ${nearest.each}?` : '.'}`
  })
}

/** Levenshtein's: how many letters to insert, remove or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [above, letter] of [...from].entries()) {
    const next = [above + 1]
    for (const [left, other] of [...to].entries()) {
      const replaced = (row[left] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[left + 1] ?? 0) + 1, (next[left] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

/** What is allowed and yet probably not meant. */
export function doubts(config: Config): string[] {
  const warnings: string[] = []
  if (config.shutdownGraceMs < config.upstreamDeadlineMs + 10_000) {
    warnings.push('SHUTDOWN_GRACE_MS: is below UPSTREAM_DEADLINE_MS + 10 s, so calls may be left to recovery.')
  }
  if (config.redisUrl && config.database.kind === 'sqlite') {
    warnings.push('DATABASE_URL: SQLite serves one replica only, whatever REDIS_URL shares; several need postgres://.')
  }
  if (!config.redisUrl && config.database.kind === 'postgres') {
    warnings.push('REDIS_URL: is not set, so with several replicas each keeps rates, slots and pace of its own.')
  }
  if (isOpenHttp(config.upstream.origin)) {
    warnings.push('UPSTREAM_ALLOW_HTTP: master tokens cross the network in the clear.')
  }
  if (config.trustProxy === true) {
    warnings.push('TRUST_PROXY: true lets any caller choose its own address; name the proxies as CIDRs.')
  }
  return warnings
}
