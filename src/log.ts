import { constants, fstatSync, openSync } from 'node:fs'
import { type DestinationStream, type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

/** What may never be written, wherever it stands. Lines are built from chosen fields; this is the net below. */
const never = [
  ...['authorization', 'x-api-key', 'cookie', 'set-cookie', 'secret', 'token', 'password', 'prompt', 'value', 'body'],
].flatMap((name) =>
  [name, `*.${name}`, `*.*.${name}`].map((path) => path.replace(/([\w-]*-[\w-]*)$/, '["$1"]').replace('.["', '["')),
)

/**
 * JSON lines, or readable ones on a terminal. Of an error only its class, code, message and stack are written:
 * libraries hang requests and sockets on theirs.
 */
export function openLog(level: string, terminal: boolean, to: DestinationStream): Logger {
  const readable = prettyFactory({ colorize: true, ignore: 'pid,hostname' })
  const stream = terminal ? { write: (line: string) => to.write(readable(line)) } : to
  return pino(
    { level, redact: { paths: never, censor: '[never logged]' }, serializers: { err: plainError }, base: undefined },
    stream,
  )
}

function plainError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    // Node's and undici's codes say what an empty message does not.
    ...(typeof code === 'string' && /^\w{1,40}$/.test(code) ? { code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: plainError(error.cause) } : {}),
  }
}

export type Output = {
  /** Queues a text behind all others. */
  write(text: string): void
  /** Resolves once everything is written, or when it cannot be; nothing is written after it. */
  ended(): Promise<void>
  /** Hears, each time lines flow again, how many were dropped since the last time. */
  onFlowing(listener: (lines: number) => void): void
}

const usualWaitingBytes = 16 * 1024 * 1024
const patienceMs = 1000
/** Characters; lines that do not fit are dropped together. */
const mostTogether = 16 * 1024
let dropped = 0

/** Lines that never reached standard output since the process began, because nobody took them. */
export function droppedLines(): number {
  return dropped
}

/**
 * Standard output, written in order and without waiting, so that a blocked reader cannot halt a call. Lines past so
 * many bytes that nobody reads are dropped, so that they cannot fill the memory.
 */
export function openOutput(mostWaitingBytes = usualWaitingBytes): Output {
  // SonicBoom's flush waits for the last write only where a least length is set.
  const stream = pino.destination({ dest: standardOutput(), sync: false, minLength: 1, maxLength: mostWaitingBytes })
  stream.on('drop', (lines: string) => {
    dropped += lines.split('\n').length - 1
  })
  // Neither a reader who left nor a full disk may end a house that serves.
  stream.on('error', () => undefined)

  let closed = false
  let waiting = ''

  // Calls that end together are written together: each writing wakes a thread.
  function write(text: string): void {
    if (waiting === '') setImmediate(pass)
    waiting += text
    if (waiting.length > mostTogether) pass()
  }

  function pass(): void {
    const lines = waiting
    waiting = ''
    if (lines !== '' && !closed) stream.write(lines)
  }

  function ended(): Promise<void> {
    pass()
    return new Promise((resolve) => {
      const close = () => {
        clearTimeout(timer)
        closed = true
        // Otherwise it would try again at exit what could not be written, without end.
        stream.destroy()
        resolve()
      }
      const timer = setTimeout(close, patienceMs)
      stream.flush(close)
    })
  }

  function onFlowing(listener: (lines: number) => void): void {
    let told = dropped
    stream.on('drain', () => {
      const lines = dropped - told
      told = dropped
      if (lines > 0) listener(lines)
    })
  }

  return { write, ended, onFlowing }
}

/** A full pipe would hold a thread inside of a write, and a process cannot exit before its threads do. */
function standardOutput(): number {
  if (process.platform !== 'linux' || !fstatSync(1).isFIFO()) return 1
  try {
    return openSync('/proc/self/fd/1', constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    // A pipe made by another user can be written to, and not opened.
    return 1
  }
}
