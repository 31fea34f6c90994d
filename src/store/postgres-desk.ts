import { StoreUnavailable } from '../errors.ts'
import type { Lines } from './postgres-lines.ts'
import { again, isLocked, isOfData, told } from './postgres-trouble.ts'
import type { Command } from './postgres-wire.ts'
import { type Filled, type Row, type Statement, statementsOf, type Together, type Written } from './store.ts'

type Asked = {
  readonly unit: Filled
  readonly untilMs: number
  readonly resolve: (written: Written) => void
  readonly reject: (error: unknown) => void
}

type Ways = {
  readonly lines: Lines
  /** What every transaction begins with, given how long it waits for a lock. */
  readonly opening: (lockMs: number) => Command
  /** Writes a unit by its statements. */
  readonly alone: (unit: readonly Statement[], lockMs: number) => Promise<Written>
}

const unitsPerGroup = 128
/** Two, so that one can be filled while the server flushes the other. */
const groupsAtOnce = 2
/** A row that somebody holds on to must not keep the rest of its group for long. */
const groupLockMs = 200
const unitLockMs = 2000
const skippingMs = 1000
const pauseMs = 25

/** Collects units of one kind while others are under way, and has them done as one transaction. */
export class Desk {
  readonly #kind: Together
  readonly #ways: Ways
  #waiting: Asked[] = []
  #running = 0
  #scheduled = false
  #skipUntilMs = 0

  constructor(kind: Together, ways: Ways) {
    this.#kind = kind
    this.#ways = ways
  }

  ask(unit: Filled): Promise<Written> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit, untilMs: performance.now() + unitLockMs, resolve, reject })
      this.#schedule()
    })
  }

  // A turn of the loop is waited for, so that all calls that woke in it share one transaction.
  #schedule(): void {
    if (this.#scheduled || this.#running >= groupsAtOnce || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#running++
      void this.#serve(this.#waiting.splice(0, unitsPerGroup)).finally(() => {
        this.#running--
        this.#schedule()
      })
      this.#schedule()
    })
  }

  async #serve(group: readonly Asked[]): Promise<void> {
    try {
      const skip = performance.now() < this.#skipUntilMs
      const [only] = group
      // One by itself is done sooner than the long text for many is planned.
      if (only && group.length === 1 && !skip)
        return only.resolve(await this.#ways.alone(statementsOf(only.unit), groupLockMs))
      const answers = await again(() => this.#ways.lines.send(this.#commands(group, skip)))
      this.#answer(group, answers, skip)
    } catch (error) {
      this.#failed(group, error)
    }
  }

  #commands(group: readonly Asked[], skip: boolean): Command[] {
    const columns = this.#kind.columns.map((type, index) => {
      return { type, items: group.map(({ unit }) => unit.row[index] ?? null) }
    })
    const locks = this.#kind.locks.map(({ sql, column }): Command => {
      const wanted = columns[column]
      if (!wanted) throw new Error(`no column ${column}`)
      return { text: skip ? sql.replace('/*skip*/', 'SKIP LOCKED') : sql, values: [wanted] }
    })
    return [this.#ways.opening(groupLockMs), ...locks, { text: this.#kind.sql, values: columns }]
  }

  #answer(group: readonly Asked[], answers: readonly (readonly Row[])[], skip: boolean): void {
    const done = new Map(answers.at(-1)?.map((row) => [Number(row['n']) - 1, row]))
    const lock = this.#kind.locks.at(-1)
    const locked = new Set(String(answers.at(-2)?.[0]?.['locked']).split(','))
    for (const [index, asked] of group.entries()) {
      const row = done.get(index)
      if (row) asked.resolve({ refused: undefined, rows: rowsWith(row, this.#kind.answers) })
      else if (skip && !locked.has(String(asked.unit.row[lock?.column ?? 0]))) this.#later(asked)
      else asked.resolve({ refused: this.#kind.refused, rows: [] })
    }
  }

  /** The row is locked by somebody else: once more in a moment, and no longer than a unit alone would wait. */
  #later(asked: Asked): void {
    if (performance.now() > asked.untilMs) {
      asked.reject(new StoreUnavailable('busy'))
    } else {
      setTimeout(() => {
        this.#waiting.push(asked)
        this.#schedule()
      }, pauseMs)
    }
  }

  #failed(group: readonly Asked[], error: unknown): void {
    if (isLocked(error)) {
      // For a while rows that somebody holds on to are passed over, so that only their own callers wait for them.
      this.#skipUntilMs = performance.now() + skippingMs
      for (const asked of group) this.#later(asked)
    } else if (isOfData(error) && group.length > 1) {
      // One of them cannot be written; alone it fails without its neighbours.
      for (const { unit, resolve, reject } of group)
        this.#ways.alone(statementsOf(unit), unitLockMs).then(resolve, reject)
    } else {
      for (const { reject } of group) reject(told(error))
    }
  }
}

function rowsWith(row: Row, index: number): Row[][] {
  const rows: Row[][] = Array.from({ length: index + 1 }, () => [])
  rows[index] = [row]
  return rows
}
