import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** What may never be written, wherever it stands. Lines are built from chosen fields; this is the net below. */
const never = [
  ...['authorization', 'x-api-key', 'cookie', 'set-cookie', 'secret', 'token', 'password', 'prompt', 'value', 'body'],
].flatMap((name) =>
  [name, `*.${name}`, `*.*.${name}`].map((path) => path.replace(/([\w-]*-[\w-]*)$/, '["$1"]').replace('.["', '["')),
)

/**
 * JSON lines, or readable ones on a terminal. Lines are written without waiting, so a blocked reader of the log cannot
 * halt a call. Of an error only its class, message and stack are written: libraries hang requests and sockets on theirs.
 */
export function openLog(level: string, terminal: boolean, to?: DestinationStream): Logger {
  const stream =
    to ??
    (terminal ? pretty({ colorize: true, ignore: 'pid,hostname', sync: false }) : pino.destination({ sync: false }))
  return pino(
    { level, redact: { paths: never, censor: '[never logged]' }, serializers: { err: plainError }, base: undefined },
    stream,
  )
}

function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const cause = error.cause instanceof Error ? plainError(error.cause) : undefined
  return { type: error.name, message: error.message, stack: error.stack, ...(cause ? { cause } : {}) }
}
