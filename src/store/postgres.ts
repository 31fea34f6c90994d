import { StoreUnavailable } from '../errors.ts'
import { Desk } from './postgres-desk.ts'
import { type Lines, openLines } from './postgres-lines.ts'
import { prepareDatabase, type Waiting } from './postgres-start.ts'
import { again, stateOf, told } from './postgres-trouble.ts'
import { type Command, CommandRefused } from './postgres-wire.ts'
import type { Form, Manner, Row, Statement, Store, Unit, Written } from './store.ts'

const lockMs = 2000
const writeMs = 3000
const readMs = 5000
/** A look through the whole ledger takes its time, and no call waits for it. */
const snapshotMs = 60_000
/** Each kind of work has connections of its own, so that none can be kept waiting by another that is stuck. */
const connections = { groups: 4, alone: 8, ends: 4, reads: 4 }

/**
 * Opens a database that any number of replicas share, its schema brought up to date. A server that does not answer is
 * waited for, until `signal` is aborted. Throws StoreRefusal (78 wrong password, no such database, newer schema).
 */
export async function openPostgres(url: string, waiting: Waiting = {}): Promise<Store> {
  const { durable } = await prepareDatabase(url, waiting)
  const groups = openLines(url, connections.groups)
  const lanes = { hold: openLines(url, connections.alone), end: openLines(url, connections.ends) }
  const reads = openLines(url, connections.reads)
  const opening = openingFor(durable)
  const desks = new Map<Form, Desk>()

  async function alone(unit: readonly Statement[], lines: Lines, patienceMs = lockMs): Promise<Written> {
    const commands = [opening(patienceMs), ...unit.map(commandOf)]
    try {
      const [, ...rows] = await again(() => lines.send(commands))
      return { refused: undefined, rows }
    } catch (error) {
      return refusal(unit, error)
    }
  }

  async function write(unit: Unit, { lane }: Manner = {}): Promise<Written> {
    const lines = lanes[lane ?? 'hold']
    if (!('form' in unit)) return alone(unit, lines)
    let desk = desks.get(unit.form)
    if (!desk) {
      desk = new Desk(unit.form.together, { lines: groups, opening, alone: (each, ms) => alone(each, lines, ms) })
      desks.set(unit.form, desk)
    }
    return desk.ask(unit)
  }

  async function read(sql: string, params: Statement['params'] = []): Promise<readonly Row[]> {
    const [, rows] = await sent(reads, [opening(lockMs, readMs), { text: sql, values: params }])
    return rows ?? []
  }

  async function snapshot(asked: readonly Statement[], withinMs = snapshotMs): Promise<readonly (readonly Row[])[]> {
    const opened = ['BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY', `SET LOCAL statement_timeout = ${withinMs}`]
    const before = opened.map((text) => ({ text, values: [] }))
    const texts = asked.map(({ sql, params }) => ({ text: sql, values: params }))
    const commands = [...before, ...texts, { text: 'COMMIT', values: [] }]
    const rows = await reads.send(commands, { patienceMs: 2 * withinMs, block: true }).catch(tell)
    return rows.slice(before.length, -1)
  }

  let closed: Promise<unknown> | undefined
  async function close(): Promise<void> {
    closed ??= Promise.all([groups, lanes.hold, lanes.end, reads].map((lines) => lines.close()))
    await closed
  }

  return { dialect: 'postgres', write, read, snapshot, close }
}

/** A broken connection is found out by using it, and nothing is lost by reading twice. */
async function sent(lines: Lines, commands: readonly Command[]) {
  const send = () => lines.send(commands, { patienceMs: readMs + 1000 })
  return send().catch((error: unknown) => {
    const known = told(error)
    if (known instanceof StoreUnavailable && known.trouble === 'gone') return send().catch(tell)
    throw known
  })
}

function tell(error: unknown): never {
  throw told(error)
}

/** Set anew in every transaction, as a pooler may give the next one to another session. */
function openingFor(durable: boolean): (lockMs: number, statementMs?: number) => Command {
  const settings = `set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)`
  const text = `SELECT ${settings}${durable ? '' : `, set_config('synchronous_commit', 'on', true)`}`
  return (lockMs, statementMs = writeMs) => ({ text, values: [String(lockMs), String(statementMs)] })
}

/** A statement that must touch a row ends the transaction on the server when it does not, so nothing waits for counts. */
function commandOf({ sql, params, must }: Statement): Command {
  if (must === undefined) return { text: sql, values: params }
  const reading = /^\s*SELECT\b/i.test(sql)
  const yields = reading || /\bRETURNING\b/i.test(sql)
  const touched = `WITH touched AS (${sql}${yields ? '' : ' RETURNING 1'})`
  const kept = `(SELECT tollgate_must(EXISTS (SELECT FROM touched)) AS kept) AS must`
  if (!yields) return { text: `${touched} SELECT FROM ${kept} WHERE NOT must.kept`, values: params }
  return { text: `${touched} SELECT touched.* FROM ${kept} JOIN touched ON must.kept`, values: params }
}

function refusal(unit: readonly Statement[], error: unknown): Written {
  if (error instanceof CommandRefused && stateOf(error) === 'TG001') {
    // The opening is the first command.
    const must = unit[error.index - 1]?.must
    if (must !== undefined) return { refused: must, rows: [] }
  }
  throw told(error)
}
