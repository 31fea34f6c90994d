export type Value = string | number | null | Uint8Array
export type Row = Readonly<Record<string, Value>>

/** SQL in the dialect both databases speak, parameters `$1`, `$2`. */
export type Statement = {
  readonly sql: string
  readonly params: readonly Value[]
  /** When no row is touched, the whole unit is undone and this word is the answer. */
  readonly must?: string
}

/** What became of a unit: the rows of each statement, or the word of the statement that refused. */
export type Written =
  | { readonly refused: undefined; readonly rows: readonly (readonly Row[])[] }
  | { readonly refused: string; readonly rows: readonly [] }

export type Store = {
  readonly dialect: 'sqlite' | 'postgres'
  /**
   * Runs the statements as one transaction, all or nothing, and resolves once it is durable. A unit is data: no code
   * runs inside a transaction, so nothing can be awaited there, and the writes of concurrent calls share one commit.
   * Throws StoreUnavailable when it could not be written; then nothing of it was.
   */
  write(unit: readonly Statement[]): Promise<Written>
  /** The rows of one statement that only reads. Throws StoreUnavailable. */
  read(sql: string, params?: readonly Value[]): Promise<readonly Row[]>
  /** Several reads of one and the same moment. Throws StoreUnavailable. */
  snapshot(reads: readonly Statement[]): Promise<readonly (readonly Row[])[]>
  close(): Promise<void>
}

/** The start must stop here; `exitCode` after sysexits.h: 65 damaged, 75 in use, 78 cannot be used as set. */
export class StoreRefusal extends Error {
  readonly exitCode: 65 | 75 | 78
  constructor(exitCode: 65 | 75 | 78, sentence: string, cause?: unknown) {
    super(sentence, { cause })
    this.name = 'StoreRefusal'
    this.exitCode = exitCode
  }
}

/** The first row of statement `index`, which must be there. */
export function rowOf(rows: readonly (readonly Row[])[], index: number): Row {
  const row = rows[index]?.[0]
  if (!row) throw new Error(`statement ${index} gave no row`)
  return row
}
