import { X509Certificate } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { parseSubnet, type Subnet } from './subnets.ts'

/** Returns a file's text; throws as `readFileSync` does. */
export type ReadFile = (path: string) => string

/** So many calls in any span of so many milliseconds. */
export type Rate = { calls: number; windowMs: number }

type WeighedToken = { value: string; weight: number }

type Database = { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }

/** Why a text is not a value. The sentences are shown and logged, so no reader puts any part of the text into one. */
export class Unfit extends Error {
  readonly sentences: readonly string[]

  constructor(...sentences: string[]) {
    super(sentences.join(' '))
    this.name = 'Unfit'
    this.sentences = sentences
  }
}

const visibleAscii = /^[\x21-\x7e]+$/

export function wholeNumber(least: number, most: number, unit = '') {
  return (text: string): number => {
    const value = Number(text)
    if (/^\d{1,16}$/.test(text) && value >= least && value <= most) return value
    throw new Unfit(`must be a whole number${unit && ` of ${unit}`} from ${least} to ${most}.`)
  }
}

export function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Unfit('must be true or false.')
  return text === 'true'
}

export function oneOf<Word extends string>(words: readonly Word[]) {
  return (text: string): Word => {
    const word = words.find((each) => each === text)
    if (word === undefined) throw new Unfit(`must be one of ${words.join(', ')}.`)
    return word
  }
}

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

export function rate(text: string): Rate {
  const [, calls = '', length = '', unit = ''] = /^(\d{1,7})\/(\d{1,8})(ms|s|m|h)$/.exec(text) ?? []
  const windowMs = Number(length) * (unitsMs[unit] ?? 0)
  if (Number(calls) >= 1 && windowMs >= 1 && windowMs <= 86_400_000) return { calls: Number(calls), windowMs }
  throw new Unfit('must be calls per span, such as 140/10s: a span has the unit ms, s, m or h and is at most 24h.')
}

export function hostName(text: string): string {
  if (isIP(text) !== 0 || /^[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?$/i.test(text)) return text
  throw new Unfit('must be a host name or an IP address, without brackets, scheme or port.')
}

/** The secret itself is sent in a header, so only what a header can carry unchanged is taken. */
export function secretText(least: number) {
  return (text: string): string => {
    if (visibleAscii.test(text) && text.length >= least && text.length <= 1024) return text
    throw new Unfit(`must be ${least} to 1024 characters of visible ASCII, without spaces.`)
  }
}

export function subnets(text: string): readonly Subnet[] {
  return text.split(',').map((element) => {
    const range = parseSubnet(element.trim())
    if (!range) throw new Unfit('must be a comma separated list of IP addresses or CIDRs, such as 10.0.0.0/8,fd00::/8.')
    return range
  })
}

/** What Fastify's `trustProxy` takes; a string is a list of CIDRs. */
type TrustedProxies = boolean | string | ((address: string, hop: number) => boolean)

const trustSentence =
  'must be false, true, a number of hops from 0 to 32, or a comma separated list of CIDRs (also loopback, linklocal, uniquelocal).'
const trustNames = ['loopback', 'linklocal', 'uniquelocal']

/** Fastify knows three ranges by name, and refuses a range that is everybody. */
function isTrustable(element: string): boolean {
  return trustNames.includes(element) || (parseSubnet(element)?.prefix ?? 0) > 0
}

export function trustedProxies(text: string): TrustedProxies {
  if (text === 'true' || text === 'false') return text === 'true'
  if (/^\d+$/.test(text)) return trustedHops(Number(text))
  const elements = text.split(',').map((element) => element.trim())
  if (!elements.every(isTrustable)) throw new Unfit(trustSentence)
  return elements.join(',')
}

function trustedHops(hops: number): TrustedProxies {
  if (hops > 32) throw new Unfit(trustSentence)
  // Fastify 5 trusts nobody when it is given a bare number, so the count has to come as a function.
  return hops === 0 ? false : (_address, hop) => hop < hops
}

const placeholders = [
  /^(sk[-_])?[x.*_-]*$|x{6,}/i,
  /^(sk[-_])?(token|key|api[-_]?key|secret|password|example|dummy|none|null|undefined|todo|tbd|empty|abc|123)$/i,
  /change[-_]?(me|this|it)|replace[-_]?(me|this|with)|placeholder|insert[-_]?(your|here)/i,
  /^(sk[-_])?your[-_]|your[-_]?.{0,24}(key|token)/i,
  /^<.*>$|^\{\{.*\}\}$|^\$\{?\w+\}?$/,
]

function weigh(element: string): WeighedToken {
  const [, value = element, weight = '1'] = /^(.*)@(\d+)$/s.exec(element) ?? []
  return { value, weight: Number(weight) }
}

function tokenFault({ value, weight }: WeighedToken, twin: number | undefined): string | undefined {
  if (value === '') return 'is blank'
  if (!visibleAscii.test(value)) return 'has a character that is not visible ASCII'
  if (placeholders.some((pattern) => pattern.test(value))) return 'is a placeholder'
  if (weight < 1 || weight > 1000) return 'has a weight that is not from 1 to 1000'
  return twin === undefined ? undefined : `is the same as token ${twin}`
}

/** Comma separated, each `token` or `token@weight`. Every bad one is named, by its place and never by its text. */
export function masterTokens(text: string): readonly WeighedToken[] {
  // A line break is no padding: trimmed here, it would hide that a file holds one token per line.
  const tokens = text === '' ? [] : text.split(',').map((element) => weigh(element.replace(/^ +| +$/g, '')))
  const places = new Map<string, number>()
  const faults = tokens.flatMap((token, index) => {
    const fault = tokenFault(token, places.get(token.value))
    places.set(token.value, places.get(token.value) ?? index + 1)
    return fault === undefined ? [] : [`token ${index + 1} ${fault}.`]
  })
  if (faults.length > 0) throw new Unfit(...faults)
  return tokens
}

/** The parser drops line breaks and forgives spaces, so a text that has any is refused before it is parsed. */
function webAddress(text: string, protocols: readonly string[], example: string): URL {
  const url = visibleAscii.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url && protocols.includes(url.protocol) && url.hostname !== '' && url.port !== '0') return url
  throw new Unfit(`must be a URL such as ${example}.`)
}

/** The path has no slash at its end, so that an offer's path can be put behind it. */
export function upstreamAddress(text: string): { origin: string; path: string } {
  const url = webAddress(text, ['https:', 'http:'], 'https://api.stability.ai')
  const faults: string[] = []
  if (/^\w+:[/\\]*[^/\\?#]*@/.test(text)) faults.push('must not hold user info; tokens go into UPSTREAM_TOKENS.')
  if (text.includes('?')) faults.push('must not have a query.')
  if (text.includes('#')) faults.push('must not have a fragment.')
  if (faults.length > 0) throw new Unfit(...faults)
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') }
}

export function collectorAddress(text: string): string {
  const url = webAddress(text, ['https:', 'http:'], 'http://127.0.0.1:4318')
  if (url.username || url.password) throw new Unfit('must not hold user info.')
  return text
}

export function redisAddress(text: string): string {
  webAddress(text, ['redis:', 'rediss:'], 'redis://127.0.0.1:6379 or rediss://...')
  return text
}

export function database(text: string): Database {
  if (/^postgres(ql)?:\/\//i.test(text)) return { kind: 'postgres', url: postgresAddress(text) }
  if (/^sqlite:/i.test(text)) return { kind: 'sqlite', path: sqlitePath(text.slice('sqlite:'.length)) }
  throw new Unfit('must be sqlite:path/to/file.db or postgres://user:password@host/name.')
}

function postgresAddress(text: string): string {
  const isWhole = visibleAscii.test(text) && URL.canParse(text) && !text.includes('#')
  if (!isWhole) throw new Unfit('is not a whole postgres:// URL; special characters in a password are percent-encoded.')
  return text
}

function sqlitePath(path: string): string {
  if (path.startsWith(':memory:')) throw new Unfit('must name a file: a ledger in memory would be lost at every stop.')
  // SQLite reads `file:` as a URI, whose options could turn off locking or durability.
  const isFile = path.trim() !== '' && !/^(\/\/|file:|:)|\/$|\p{Cc}/iu.test(path)
  if (!isFile) throw new Unfit('must name a file, as sqlite:relative/path or sqlite:/absolute/path.')
  return path
}

/** The PEM text of every certificate in the file. */
export function certificates(path: string, readFile: ReadFile): string {
  const text = readNamedFile(path, readFile)
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? []
  if (blocks.length === 0) throw new Unfit('names a file without a PEM certificate.')
  blocks.forEach((block, index) => {
    if (!isCertificate(block)) throw new Unfit(`certificate ${index + 1} in the file cannot be parsed.`)
  })
  return `${blocks.join('\n')}\n`
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

export function readNamedFile(path: string, readFile: ReadFile): string {
  try {
    return readFile(path)
  } catch (cause) {
    // Not the error's message: it repeats the path, and a secret put there by mistake would be logged.
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new Unfit(`names a file that cannot be read${code}.`)
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Takes a host as it stands in a URL, so an IPv6 address may have its brackets. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (/^localhost\.?$/i.test(bare)) return true
  const version = isIP(bare)
  return version !== 0 && loopback.check(bare, version === 6 ? 'ipv6' : 'ipv4')
}
