import { readFileSync } from 'node:fs'
import { contradictions, doubts, unknownNames } from './config-checks.ts'
import {
  certificates,
  collectorAddress,
  database,
  hostName,
  masterTokens,
  oneOf,
  type ReadFile,
  rate,
  readNamedFile,
  redisAddress,
  secretText,
  subnets,
  trustedProxies,
  Unfit,
  upstreamAddress,
  wholeNumber,
  yesOrNo,
} from './config-readers.ts'

type Row<Value> = {
  readonly env: string
  readonly about: string
  /** Read like a given text; undefined where a setting has no value unless it is given. */
  readonly fallback: string | undefined
  /** A secret may also come from the file named by `<env>_FILE`. */
  readonly secret: boolean
  readonly read: (text: string, readFile: ReadFile) => Value
}

type Written<Value> = Pick<Row<Value>, 'env' | 'about' | 'read'> & { readonly secret?: boolean }

function setting<Value>(row: Written<Value> & { readonly fallback: string }): Row<Value> {
  return { secret: false, ...row }
}

function optional<Value>(row: Written<Value>): Row<Value | undefined> {
  return { secret: false, fallback: undefined, ...row }
}

// A longer timer than Node can hold fires at once.
const longestTimerMs = 2 ** 31 - 1
const timer = wholeNumber(1, longestTimerMs, 'milliseconds')
const patience = wholeNumber(0, longestTimerMs, 'milliseconds')
const wholeBytes = wholeNumber(1, 2 ** 30, 'bytes')
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Every setting of the house, each declared once. */
export const settings = {
  host: setting({ env: 'HOST', read: hostName, fallback: '127.0.0.1', about: 'Address the house listens on.' }),
  port: setting({
    env: 'PORT',
    read: wholeNumber(0, 65_535),
    fallback: '8080',
    about: 'Port the house listens on; 0 picks a free one, which the log line "listening" names.',
  }),
  database: setting({
    env: 'DATABASE_URL',
    read: database,
    fallback: 'sqlite:data/tollgate.db',
    secret: true,
    about: 'Where the books are kept: sqlite:path/to/file.db, or postgres://... for several replicas.',
  }),
  redisUrl: optional({
    env: 'REDIS_URL',
    read: redisAddress,
    secret: true,
    about: 'Redis that shares rates, slots and pace between replicas: redis://... or rediss://...',
  }),
  upstream: setting({
    env: 'UPSTREAM_URL',
    read: upstreamAddress,
    fallback: 'https://api.stability.ai',
    about: 'Where /sd/... is forwarded to, without the /sd; may have a path of its own.',
  }),
  upstreamTokens: setting({
    env: 'UPSTREAM_TOKENS',
    read: masterTokens,
    fallback: '',
    secret: true,
    about: 'Master tokens, comma separated, each token or token@weight; none means sandbox mode.',
  }),
  upstreamConnectTimeoutMs: setting({
    env: 'UPSTREAM_CONNECT_TIMEOUT_MS',
    read: timer,
    fallback: '5000',
    about: 'Longest wait for a connection to the upstream.',
  }),
  upstreamHeadersTimeoutMs: setting({
    env: 'UPSTREAM_HEADERS_TIMEOUT_MS',
    read: timer,
    fallback: '120000',
    about: "Longest wait from the sent request to the head of the upstream's answer.",
  }),
  upstreamBodyTimeoutMs: setting({
    env: 'UPSTREAM_BODY_TIMEOUT_MS',
    read: timer,
    fallback: '30000',
    about: "Longest silence inside the upstream's answer.",
  }),
  upstreamDeadlineMs: setting({
    env: 'UPSTREAM_DEADLINE_MS',
    read: timer,
    fallback: '180000',
    about: 'Longest time for the whole upstream exchange, all tries together.',
  }),
  upstreamPace: setting({
    env: 'UPSTREAM_PACE',
    read: rate,
    fallback: '140/10s',
    about: 'Most calls per token in any span of that length (units ms, s, m, h).',
  }),
  upstreamTokenConcurrency: setting({
    env: 'UPSTREAM_TOKEN_CONCURRENCY',
    read: wholeNumber(0, 100_000),
    fallback: '0',
    about: 'Most calls in flight per token; 0 is no bound.',
  }),
  upstreamAllowHttp: setting({
    env: 'UPSTREAM_ALLOW_HTTP',
    read: yesOrNo,
    fallback: 'false',
    about: 'Whether UPSTREAM_URL may be plain http: to a host that is not loopback.',
  }),
  queueWaitMs: setting({
    env: 'QUEUE_WAIT_MS',
    read: patience,
    fallback: '30000',
    about: 'Longest wait of a call in the fair queue.',
  }),
  queueLimit: setting({
    env: 'QUEUE_LIMIT',
    read: wholeNumber(0, 1_000_000),
    fallback: '1000',
    about: 'Most calls waiting in the fair queue.',
  }),
  upstreamCa: optional({
    env: 'UPSTREAM_CA_FILE',
    read: certificates,
    about: 'PEM file with extra certificate authorities for a private upstream.',
  }),
  adminKey: optional({
    env: 'ADMIN_KEY',
    read: secretText(24),
    secret: true,
    about: 'Bootstrap operator key of at least 24 characters; minted and shown at the first start if not given.',
  }),
  rateLimit: setting({
    env: 'RATE_LIMIT',
    read: rate,
    fallback: '60/60s',
    about: 'Calls per key and span, unless the key has a rate of its own.',
  }),
  bodyLimitBytes: setting({
    env: 'BODY_LIMIT_BYTES',
    read: wholeBytes,
    fallback: '10485760',
    about: 'Largest request body.',
  }),
  answerLimitBytes: setting({
    env: 'ANSWER_LIMIT_BYTES',
    read: wholeBytes,
    fallback: '33554432',
    about: 'Largest upstream answer.',
  }),
  requestTimeoutMs: setting({
    env: 'REQUEST_TIMEOUT_MS',
    // A head alone has a third of it, and that third must not round to no limit.
    read: wholeNumber(3, longestTimerMs, 'milliseconds'),
    fallback: '30000',
    about: "Longest time for a client's whole request, and longest pause of a reader; a head alone has a third of it.",
  }),
  bytesInFlightLimit: setting({
    env: 'BYTES_IN_FLIGHT_LIMIT',
    read: wholeNumber(1, 2 ** 40, 'bytes'),
    fallback: '536870912',
    about:
      'Most request and answer bytes in memory at once, beside some 350 MB for the process; past it calls are busy.',
  }),
  chargeFiltered: setting({
    env: 'CHARGE_FILTERED',
    read: yesOrNo,
    fallback: 'true',
    about: 'Whether an answer that the upstream filtered is charged.',
  }),
  replayTtlMs: setting({
    env: 'REPLAY_TTL_MS',
    read: wholeNumber(1, 31_622_400_000, 'milliseconds'),
    fallback: '86400000',
    about: 'How long an Idempotency-Key is remembered.',
  }),
  replayLimitBytes: setting({
    env: 'REPLAY_LIMIT_BYTES',
    read: wholeNumber(0, 2 ** 50, 'bytes'),
    fallback: '1073741824',
    about: 'Room for the answers kept for replay; the oldest go first.',
  }),
  shutdownGraceMs: setting({
    env: 'SHUTDOWN_GRACE_MS',
    read: patience,
    fallback: '195000',
    about: 'Longest wait for calls in flight after SIGTERM; best 10 s above UPSTREAM_DEADLINE_MS or more.',
  }),
  trustProxy: setting({
    env: 'TRUST_PROXY',
    read: trustedProxies,
    fallback: 'false',
    about: 'Proxies whose X-Forwarded-For is believed: false, true, a number of hops, or CIDRs.',
  }),
  logLevel: setting({
    env: 'LOG_LEVEL',
    read: oneOf(logLevels),
    fallback: 'info',
    about: `How much is logged: ${logLevels.join(', ')}.`,
  }),
  metricsKey: optional({
    env: 'METRICS_KEY',
    read: secretText(1),
    secret: true,
    about: 'When given, /metrics wants it as bearer.',
  }),
  adminAllowIps: optional({
    env: 'ADMIN_ALLOW_IPS',
    read: subnets,
    about: 'CIDRs that may use the admin API and sign in as operator; anybody may try if not given.',
  }),
  retainCallsDays: setting({
    env: 'RETAIN_CALLS_DAYS',
    read: wholeNumber(1, 36_500, 'days'),
    fallback: '400',
    about: 'Call rows older than this are rolled up and removed; entries never are.',
  }),
  webhookAllowPrivate: setting({
    env: 'WEBHOOK_ALLOW_PRIVATE',
    read: yesOrNo,
    fallback: 'false',
    about: 'Whether webhooks may go to private addresses.',
  }),
  otelEndpoint: optional({
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    read: collectorAddress,
    about: 'OpenTelemetry collector that traces are sent to.',
  }),
}

export type Config = { readonly [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['read']> }

export type Environment = Readonly<Record<string, string | undefined>>

type Loaded = {
  readonly config: Config
  /** Sentences for the start-up log, each beginning with a setting's name. */
  readonly warnings: readonly string[]
  /** No master token: live keys are refused, and nothing leaves the machine. */
  readonly sandboxMode: boolean
}

/** Each fault begins with a setting's name and says what is allowed; none holds any part of a value. */
export class ConfigFault extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.name = 'ConfigFault'
    this.faults = faults
  }
}

/**
 * Reads and checks every setting; an empty text counts as not given. What it returns cannot be changed.
 * Throws one ConfigFault that lists everything wrong.
 */
export function loadConfig(env: Environment, readFile: ReadFile = (path) => readFileSync(path, 'utf8')): Loaded {
  const faults: string[] = []
  const draft = readSettings(env, readFile, faults)
  faults.push(...contradictions(draft), ...unknownNames(env, knownNames()))
  // Node takes this from the environment by itself and would then send master tokens to anybody.
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    faults.push('NODE_TLS_REJECT_UNAUTHORIZED: must not be 0; use UPSTREAM_CA_FILE for a private upstream.')
  }
  if (faults.length > 0) throw new ConfigFault(faults)
  // Without a fault every row has put its own reader's value into its own field.
  const config = frozen(draft as Config)
  return { config, warnings: doubts(config), sandboxMode: config.upstreamTokens.length === 0 }
}

function knownNames(): string[] {
  return Object.values<Row<unknown>>(settings).flatMap((row) => (row.secret ? [row.env, `${row.env}_FILE`] : [row.env]))
}

function readSettings(env: Environment, readFile: ReadFile, faults: string[]): Partial<Config> {
  const fields = Object.entries<Row<unknown>>(settings).map(([field, row]) => {
    const source = row.secret && env[`${row.env}_FILE`] ? `${row.env}_FILE` : row.env
    try {
      const text = given(row, source, env, readFile) ?? row.fallback
      return [field, text === undefined ? undefined : row.read(text, readFile)]
    } catch (error) {
      if (!(error instanceof Unfit)) throw error
      faults.push(...error.sentences.map((sentence) => `${source}: ${sentence}`))
      return [field, undefined]
    }
  })
  return Object.fromEntries(fields)
}

function given(row: Row<unknown>, source: string, env: Environment, readFile: ReadFile): string | undefined {
  const text = env[source] || undefined
  if (source === row.env || text === undefined) return text
  if (env[row.env]) throw new Unfit(`must not be given together with ${row.env}.`)
  const content = readNamedFile(text, readFile).replace(/\r?\n$/, '')
  // Silence here would start a house without the secret that somebody meant it to have.
  if (content === '') throw new Unfit('names an empty file.')
  return content
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
