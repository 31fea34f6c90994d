import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { StoreUnavailable } from '../errors.ts'
import type { Errand, Opened, Reply, Seat, Shape, Told } from './sqlite-worker.ts'
import { type Form, type Statement, type Step, type Store, StoreRefusal, type Unit, type Written } from './store.ts'

/** SQLite before this version can lose committed pages of a WAL that is reset while it is read. */
const oldestSqlite = [3, 51, 3] as const
/** Bounds how long one commit can make the callers of the next one wait. */
const unitsPerGroup = 256

/**
 * Opens the ledger's file as its only server: one thread writes, another reads, and the event loop waits for neither.
 * Throws StoreRefusal (75 in use, 65 damaged, 78 cannot be opened or not of this version).
 */
export async function openSqlite(path: string): Promise<Store> {
  refuseOldSqlite(process.versions['sqlite'] ?? '0')
  const file = resolve(path)
  const lock = lockFile(file)
  try {
    makePrivate(file)
    const writer = await openDesk({ path: file, role: 'writer' })
    lock.remember()
    const reader = await openDesk({ path: file, role: 'reader' })
    return storeOf(writer, reader, lock)
  } catch (error) {
    lock.close()
    throw error
  }
}

/** Before it is opened, since SQLite gives its log the rights that the ledger has then. */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'a', 0o600))
    chmodSync(file, 0o600)
  } catch {
    // What cannot be opened the writer tells in its own words.
  }
}

function storeOf(writer: Desk, reader: Desk, lock: { close(): void }): Store {
  const snapshot = async (reads: readonly Statement[]) => rowsOf(await reader.ask(reads)).rows
  let closed: Promise<void> | undefined

  async function close(): Promise<void> {
    await reader.close()
    await writer.close()
    lock.close()
  }

  return {
    dialect: 'sqlite',
    write: async (unit) => rowsOf(await writer.ask(unit)),
    read: async (sql, params = []) => (await snapshot([{ sql, params }]))[0] ?? [],
    snapshot,
    close() {
      closed ??= close()
      return closed
    },
  }
}

function rowsOf(reply: Reply): Written {
  if ('rows' in reply) return { refused: undefined, rows: reply.rows }
  if ('refused' in reply) return { refused: reply.refused, rows: [] }
  if (reply.trouble) throw new StoreUnavailable(reply.trouble, new Error(reply.error))
  throw new Error(reply.error)
}

type Waiting = {
  readonly unit: Unit
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

/** The near side of a worker: collects what is asked while the worker is busy and hands it over as one group. */
class Desk {
  readonly #worker: Worker
  readonly #texts = new Numbered<string>()
  readonly #forms = new Numbered<Form>()
  #waiting: Waiting[] = []
  #served: readonly Waiting[] = []
  #scheduled = false
  #gone: Error | undefined

  constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (replies: string) => this.#answer(JSON.parse(replies) as readonly Reply[]))
    worker.on('error', (error) => this.#fail(new StoreUnavailable('gone', error)))
    worker.on('exit', () => this.#fail(new StoreUnavailable('gone')))
  }

  ask(unit: Unit): Promise<Reply> {
    if (this.#gone) return Promise.reject(this.#gone)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ unit, resolve, reject })
      this.#schedule()
    })
  }

  async close(): Promise<void> {
    while (this.#served.length > 0 || this.#waiting.length > 0) await new Promise((tick) => setImmediate(tick))
    if (this.#gone) return
    const gone = new Promise((exit) => this.#worker.once('exit', exit))
    this.#worker.postMessage('close')
    await gone
  }

  // A turn of the loop is waited for, so that all calls that woke in it share one commit.
  #schedule(): void {
    if (this.#scheduled || this.#served.length > 0 || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#handOver()
    })
  }

  #handOver(): void {
    if (this.#gone || this.#waiting.length === 0) return
    this.#served = this.#waiting.splice(0, unitsPerGroup)
    const units = this.#served.map(({ unit }) => this.#told(unit))
    const forms = this.#forms.fresh().map(({ steps }) => steps.map((step) => this.#shape(step)))
    this.#worker.postMessage(JSON.stringify({ texts: this.#texts.fresh(), forms, units } satisfies Errand))
  }

  #told(unit: Unit): Told {
    if ('form' in unit) return [this.#forms.of(unit.form), unit.row]
    return unit.map(({ sql, params, must }) => [this.#texts.of(sql), params, must ?? null] as const)
  }

  #shape({ sql, ...step }: Step): Shape {
    return { statement: this.#texts.of(sql), ...step }
  }

  #answer(replies: readonly Reply[]): void {
    const served = this.#served
    this.#served = []
    this.#handOver()
    for (const [index, reply] of replies.entries()) served[index]?.resolve(reply)
    this.#schedule()
  }

  #fail(error: Error): void {
    this.#gone ??= error
    for (const { reject } of [...this.#served, ...this.#waiting]) reject(this.#gone)
    this.#served = []
    this.#waiting = []
  }
}

/** What the far side is told once, and then by its number. */
class Numbered<Thing> {
  readonly #known = new Map<Thing, number>()
  #fresh: Thing[] = []

  of(thing: Thing): number {
    let number = this.#known.get(thing)
    if (number === undefined) {
      number = this.#known.size
      this.#known.set(thing, number)
      this.#fresh.push(thing)
    }
    return number
  }

  /** Those that were numbered since the last time. */
  fresh(): readonly Thing[] {
    if (this.#fresh.length === 0) return this.#fresh
    return this.#fresh.splice(0)
  }
}

function openDesk(seat: Seat): Promise<Desk> {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: seat })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (opened: Opened) => {
      worker.removeAllListeners('error')
      if ('refusal' in opened) reject(new StoreRefusal(opened.exitCode, opened.refusal))
      else resolve(new Desk(worker))
    })
  })
}

/** Throws StoreRefusal. */
export function refuseOldSqlite(version: string): void {
  const parts = version.split('.').map(Number)
  for (const [index, least] of oldestSqlite.entries()) {
    const part = parts[index] ?? 0
    if (part > least) return
    if (part < least) {
      const text = `This Node brings SQLite ${version}; Tollgate needs ${oldestSqlite.join('.')} or later: update Node.`
      throw new StoreRefusal(78, text)
    }
  }
}

/**
 * Holds an operating system lock, through a SQLite file beside the ledger, for as long as the process lives; a kill
 * frees it. The file also remembers that a ledger was here, so a lost one is never quietly replaced by an empty one.
 */
function lockFile(file: string): { remember(): void; close(): void } {
  const lock = openLock(`${file}.lock`, file)
  const remembered = Number(lock.prepare('PRAGMA user_version').get()?.['user_version']) > 0
  // A file cut to nothing is as lost as a missing one, and SQLite would begin anew in it.
  if (remembered && !statSync(file, { throwIfNoEntry: false })?.size) {
    lock.close()
    const text = `DATABASE_URL: the ledger ${file} was here before and is gone. Restore it, or remove ${file}.lock to begin an empty one.`
    throw new StoreRefusal(78, text)
  }
  return { remember: () => lock.exec('PRAGMA user_version = 1'), close: () => lock.close() }
}

/** Takes the lock that a server keeps for as long as it lives. Throws StoreRefusal: 75 while another process has it. */
export function openLock(path: string, file: string): DatabaseSync {
  let lock: DatabaseSync | undefined
  try {
    // Only the last folder is made: a mistyped path should be told, and not be built.
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { mode: 0o700 })
    lock = new DatabaseSync(path, { timeout: 0 })
    // With this mode the lock taken by the empty transaction is kept until the connection closes.
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
    return lock
  } catch (error) {
    lock?.close()
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === 5) {
      throw new StoreRefusal(75, `DATABASE_URL: another Tollgate already serves ${file}.`, error)
    }
    const why = error instanceof Error ? error.message : String(error)
    throw new StoreRefusal(78, `DATABASE_URL: ${file} cannot be written: ${why}.`, error)
  }
}
