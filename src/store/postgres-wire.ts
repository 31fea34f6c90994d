/** What goes over one connection to PostgreSQL, and what comes back, in terms of its extended protocol. */
import type { Connection } from 'pg'
import type { Row, Value } from './store.ts'

/** The values of one column, sent as an array. */
type Column = { readonly type: 'text' | 'bigint'; readonly items: readonly Value[] }
export type Command = { readonly text: string; readonly values: readonly (Value | Column)[] }

type Field = { readonly name: string; readonly dataTypeID: number }

/** The server refused the command at `index`; nothing of the transaction was done. `cause` has the SQLSTATE. */
export class CommandRefused extends Error {
  readonly index: number
  constructor(index: number, cause: Error) {
    super(cause.message, { cause })
    this.name = 'CommandRefused'
    this.index = index
  }
}

/**
 * Commands sent in one go and, up to the one Sync behind them, one transaction: the server commits at the Sync and
 * drops the rest after a failure, so a whole unit costs a single round trip. No statement is named, since a pooler in
 * transaction mode gives the next one to another session.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class Exchange {
  readonly #commands: readonly Command[]
  readonly #rows: Row[][] = []
  readonly #settled = Promise.withResolvers<readonly (readonly Row[])[]>()
  #fields: readonly Field[] = []
  #current: Row[] = []

  constructor(commands: readonly Command[]) {
    this.#commands = commands
  }

  get rows(): Promise<readonly (readonly Row[])[]> {
    return this.#settled.promise
  }

  submit(connection: Connection): void {
    connection.stream.cork()
    for (const { text, values } of this.#commands) {
      connection.parse({ name: '', text, types: values.map(typeOf) }, true)
      connection.bind({ values: values.map(written) }, true)
      connection.describe({ type: 'P', name: '' }, true)
      connection.execute({}, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.#fields = fields
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row: Record<string, Value> = {}
    for (const [index, { name, dataTypeID }] of this.#fields.entries()) {
      const text = fields[index] ?? null
      row[name] = text === null ? null : read(text, dataTypeID)
    }
    this.#current.push(row)
  }

  handleCommandComplete(): void {
    this.#rows.push(this.#current)
    this.#current = []
    this.#fields = []
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete()
  }

  handleReadyForQuery(): void {
    this.#settled.resolve(this.#rows)
  }

  /** Also called when the connection broke; then the error has no SQLSTATE. */
  handleError(error: Error): void {
    this.#settled.reject(new CommandRefused(this.#rows.length, error))
  }
}

// Object identifiers of types are fixed: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
const oid = {
  unknown: '0',
  bytea: '17',
  bigint: '20',
  text: '25',
  double: '701',
  texts: '1009',
  bigints: '1016',
} as const

// Types are told rather than guessed, as the server would guess `1 - $2` to be an integer of 32 bits.
function typeOf(value: Value | Column): string {
  if (value === null) return oid.unknown
  if (typeof value === 'string') return oid.text
  if (typeof value === 'number') return Number.isInteger(value) ? oid.bigint : oid.double
  if (value instanceof Uint8Array) return oid.bytea
  return value.type === 'bigint' ? oid.bigints : oid.texts
}

function written(value: Value | Column): string | Buffer | null {
  if (value === null || typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return `{${value.items.map(item).join(',')}}`
}

function item(value: Value): string {
  if (value === null) return 'NULL'
  if (typeof value === 'number') return String(value)
  return `"${String(value).replaceAll(/[\\"]/g, '\\$&')}"`
}

/** Whole numbers as numbers, as SQLite gives them; what a double cannot count stays text. */
function read(text: string, type: number): Value {
  switch (type) {
    case 16:
      return text === 't' ? 1 : 0
    case 17:
      return Buffer.from(text.slice(2), 'hex')
    case 20:
    case 21:
    case 23:
    case 1700: {
      const number = Number(text)
      return Number.isSafeInteger(number) ? number : text
    }
    case 700:
    case 701:
      return Number(text)
    default:
      return text
  }
}
