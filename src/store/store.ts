/** Bytes are for PostgreSQL only: a SQLite ledger keeps them in files. */
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

/**
 * Texts that do what many units of one form do, in one transaction, for a database where a statement costs far more
 * than a row. They may leave out a unit that could have been done, but never do one that could not.
 */
export type Together = {
  /**
   * Rows to lock first, in an order that every writer keeps; `$1` is an array of that column. The last text answers
   * what it locked as `locked`, joined by commas, and says where it would pass over rows locked by others.
   */
  readonly locks: readonly { readonly sql: string; readonly column: number }[]
  /** `$1`, `$2` ... are one array for each column. Answers a row for each unit done, its place from 1 on as `n`. */
  readonly sql: string
  readonly columns: readonly ('text' | 'bigint')[]
  /** The step of the form whose row the answer stands for. */
  readonly answers: number
  /** The word for a unit that was left out. */
  readonly refused: string
}

/** A statement of a form: its parameters are values of the row, by their places. */
export type Step = {
  readonly sql: string
  readonly from: readonly number[]
  /** Left out unless the row has more than 0 at that place. */
  readonly when?: number
  /** As in Statement. */
  readonly must?: string
}

/** What many units have in common, so that each is told as one row and nothing else. */
export type Form = { readonly steps: readonly Step[]; readonly together: Together }
export type Filled = { readonly form: Form; readonly row: readonly Value[] }

export type Unit = readonly Statement[] | Filled

/** The statements that a filled form stands for. */
export function statementsOf({ form, row }: Filled): Statement[] {
  return askedOf(form.steps, row).map(({ step: { sql, must }, params }) => {
    return must === undefined ? { sql, params } : { sql, params, must }
  })
}

/** The steps that are done for a row, each with its values. */
export function askedOf<Each extends Pick<Step, 'from' | 'when'>>(steps: readonly Each[], row: Filled['row']) {
  const asked = steps.filter(({ when }) => when === undefined || Number(row[when]) > 0)
  return asked.map((step) => ({ step, params: step.from.map((place) => row[place] ?? null) }))
}

/** How a unit may be written; none of it changes what the unit does. */
export type Manner = {
  /** Ends of calls go by connections of their own, so that no flood of holds keeps them waiting. */
  readonly lane?: 'end'
}

export type Store = {
  readonly dialect: 'sqlite' | 'postgres'
  /**
   * Runs a unit as one transaction, all or nothing, and resolves once it is durable. A unit is data: no code
   * runs inside a transaction, so nothing can be awaited there, and the writes of concurrent calls share one commit.
   * Throws StoreUnavailable when it could not be written; then nothing of it was, except that of a unit whose
   * connection was lost (trouble `gone`) nobody knows.
   */
  write(unit: Unit, manner?: Manner): Promise<Written>
  /** The rows of one statement that only reads. Throws StoreUnavailable. */
  read(sql: string, params?: readonly Value[]): Promise<readonly Row[]>
  /**
   * Several reads of one and the same moment. PostgreSQL gives up one that takes longer than `withinMs`, a minute unless
   * told otherwise. Throws StoreUnavailable.
   */
  snapshot(reads: readonly Statement[], withinMs?: number): Promise<readonly (readonly Row[])[]>
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
