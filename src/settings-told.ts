import { type Config, settings } from './config.ts'

export type SettingTold = {
  /** The variable it is read from. */
  readonly name: string
  /** As it would be written; `set` where it is kept back; null where it is not given. */
  readonly value: string | null
  /** Whether its value is kept back. */
  readonly secret: boolean
  readonly default: string | null
  readonly about: string
}

type Field = keyof typeof settings

/** Addresses hold a password only before the host or in the query, so the rest of them may be shown. */
const addresses: ReadonlySet<Field> = new Set(['database', 'redisUrl'])
/** A whole file stands in the place of its name. */
const files: ReadonlySet<Field> = new Set(['upstreamCa'])

/** Every setting and what it is at present, without any part of a secret. */
export function settingsTold(config: Config): readonly SettingTold[] {
  return fieldsOf(settings).map((field) => {
    const { env: name, secret, fallback, about } = settings[field]
    const isKept = (secret && !addresses.has(field)) || files.has(field)
    const text = isGiven(config[field]) ? textOf(config[field]) : null
    return { name, value: text !== null && isKept ? 'set' : text, secret: isKept, default: fallback || null, about }
  })
}

function fieldsOf<Rows extends object>(rows: Rows): (keyof Rows)[] {
  return Object.keys(rows) as (keyof Rows)[]
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)
}

/** A value as it would be written in the environment. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  if (typeof value === 'function') return String(hopsOf(value as (address: string, hop: number) => boolean))
  if (typeof value === 'string') return URL.canParse(value) ? bare(value) : value
  if (typeof value !== 'object' || value === null) return String(value)
  if ('kind' in value) return 'path' in value ? `sqlite:${value.path}` : bare('url' in value ? String(value.url) : '')
  if ('origin' in value && 'path' in value) return `${value.origin}${value.path}`
  if ('calls' in value && 'windowMs' in value) return `${value.calls}/${spanText(Number(value.windowMs))}`
  if ('address' in value && 'prefix' in value) return `${value.address}/${value.prefix}`
  return 'set'
}

/** An address without user info and without its query, where a password may be as well. */
function bare(address: string): string {
  const { protocol, host, pathname } = new URL(address)
  return `${protocol}//${host}${pathname}`
}

function spanText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/** The number of proxies that are believed, which only the function itself knows. */
function hopsOf(trusts: (address: string, hop: number) => boolean): number {
  let hops = 0
  while (hops < 100 && trusts('', hops)) hops++
  return hops
}
