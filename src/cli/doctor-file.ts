import { accessSync, constants, existsSync, readdirSync, type Stats, statfsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { faultIn, newestSchema, openToRead, refusalOf, schemaOf } from '../store/sqlite-reading.ts'
import { formatTime } from '../times.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { sentencesOf } from './tool.ts'

export type Examined = {
  readonly findings: readonly Finding[]
  /** Whether there is a ledger of this version whose books can be read. */
  readonly readable: boolean
}

/** Looks at a SQLite ledger and what it lies on. */
export function checkFile(path: string): Examined {
  const file = resolve(path)
  const folder = dirname(file)
  if (!existsSync(folder)) {
    return {
      findings: [warn('ledger', `${file} and its folder are not there yet; the first start makes them`)],
      readable: false,
    }
  }
  const around = [checkFolder(folder), checkDisk(folder), checkRoom(folder)]
  if (!statSync(file, { throwIfNoEntry: false })?.size) {
    return { findings: [...around, missing(file)], readable: false }
  }
  const inside = checkInside(file)
  return { findings: [...around, checkRights(file, folder), ...inside.findings], readable: inside.readable }
}

function missing(file: string): Finding {
  if (!wasHere(file)) return warn('ledger', `${file} is not there yet; the first start makes it`)
  const lost = `${file} was here before and is gone or empty`
  return fail('ledger', `${lost}: restore it, or remove ${file}.lock to begin an empty one`)
}

/** As a server would: its lock file remembers. One that cannot be read is in the hands of a server. */
function wasHere(file: string): boolean {
  if (!existsSync(`${file}.lock`)) return false
  try {
    const lock = new DatabaseSync(`${file}.lock`, { readOnly: true })
    try {
      return Number(lock.prepare('PRAGMA user_version').get()?.['user_version']) > 0
    } finally {
      lock.close()
    }
  } catch {
    return true
  }
}

function checkFolder(folder: string): Finding {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return fail('folder', `${folder} cannot be written by this user`)
  }
  const { mode } = statSync(folder)
  if (mode & 0o002) return fail('folder', `${folder} can be changed by everybody: chmod 700`)
  if (mode & 0o077) return warn('folder', `${folder} is open to others (${octal(mode)}): 0700 is best`)
  return ok('folder', `${folder} can be written, by its owner only`)
}

/** The ledger, what SQLite keeps beside it, and the kept answers: customers' data, and digests of keys. */
function checkRights(file: string, folder: string): Finding {
  const own = basename(file)
  // The lock holds nothing of anybody.
  const ours = readdirSync(folder).filter((name) => name.startsWith(own) && !name.startsWith(`${own}.lock`))
  const seen = ours.flatMap((name): [string, Stats][] => {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false })
    return stats ? [[name, stats]] : []
  })
  const open = seen.filter(([, { mode }]) => mode & 0o077).map(([name, { mode }]) => `${name} (${octal(mode)})`)
  if (open.length > 0) return fail('rights', `others may read or change ${open.join(', ')}: chmod go= them`)
  try {
    accessSync(file, constants.R_OK | constants.W_OK)
  } catch {
    return fail('rights', `${file} cannot be read and written by this user`)
  }
  const owner = statSync(folder).uid
  const foreign = seen.filter(([, { uid }]) => uid !== owner).map(([name]) => name)
  if (foreign.length > 0) return warn('rights', `not owned by the owner of the folder: ${foreign.join(', ')}`)
  return ok('rights', `${file} and what belongs to it is open to its owner only`)
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

// https://man7.org/linux/man-pages/man2/statfs.2.html: file systems whose locks or flushes cannot be relied on.
const doubtful: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB2',
  16914839: '9P',
  1397113167: 'AFS',
  12805120: 'Ceph',
  1702057286: 'FUSE',
}

function checkDisk(folder: string): Finding {
  const type = statfsSync(folder).type >>> 0
  const name = doubtful[type]
  if (!name) return ok('disk', 'on a file system of this machine')
  return warn('disk', `${folder} is on ${name}: locks and flushes may not hold there; keep the ledger on a local disk`)
}

const mebibyte = 1024 * 1024
const leastMebibytes = 100
const amplyMebibytes = 1024

function checkRoom(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder)
  const mebibytes = Math.floor((bavail * bsize) / mebibyte)
  const told = `${mebibytes} MiB free at ${folder}`
  return mebibytes < leastMebibytes
    ? fail('room', told)
    : mebibytes < amplyMebibytes
      ? warn('room', told)
      : ok('room', told)
}

function checkInside(file: string): Examined {
  let ledger: DatabaseSync | undefined
  try {
    ledger = openToRead(file)
    const fault = faultIn(ledger)
    if (fault)
      return { findings: [fail('integrity', `${file} is damaged: ${fault}; restore a backup`)], readable: false }
    const schema = checkSchema(schemaOf(ledger), newestSchema())
    const whole = [ok('integrity', 'every page and every reference is sound'), schema]
    if (schema.state !== 'ok') return { findings: whole, readable: false }
    return { findings: [...whole, checkJournal(ledger), checkClock(file, ledger)], readable: true }
  } catch (error) {
    return { findings: [fail('integrity', sentencesOf(refusalOf(error, file)).join(' '))], readable: false }
  } finally {
    ledger?.close()
  }
}

export function checkSchema(schema: number | undefined, newest: number): Finding {
  if (!schema) return fail('schema', 'the database is no ledger of Tollgate')
  if (schema > newest) return fail('schema', `${schema} is of a newer Tollgate; this one knows ${newest}`)
  if (schema === newest) return ok('schema', `${schema}, as this version wants it`)
  return warn('schema', `${schema}; the next start or tollgate migrate brings it to ${newest}, after a copy`)
}

/** How it flushes is no property of the file: the server sets synchronous=FULL on its own connection. */
function checkJournal(ledger: DatabaseSync): Finding {
  const mode = ledger.prepare('PRAGMA journal_mode').get()?.['journal_mode']
  const told = 'the server sets synchronous=FULL'
  if (mode === 'wal') return ok('journal', `WAL; ${told}`)
  return ok('journal', `${mode}, as in a restored ledger: the next start turns it to WAL; ${told}`)
}

const newestTimes = `SELECT max(at) AS at FROM (SELECT max(created_at) AS at FROM entries
  UNION ALL SELECT max(created_at) FROM calls UNION ALL SELECT max(created_at) FROM audit
  UNION ALL SELECT max(applied_at) FROM schema_migrations)`
const slackMs = 60_000

/** No clock of another machine is at hand, but what is written already cannot be of the future. */
function checkClock(file: string, ledger: DatabaseSync): Finding {
  const writtenMs = Math.max(Number(ledger.prepare(newestTimes).get()?.['at'] ?? 0), statSync(file).mtimeMs)
  const now = `it is ${formatTime(Date.now())}`
  if (writtenMs <= Date.now() + slackMs) return ok('clock', `${now}, after all that is written`)
  return fail('clock', `${now}, but the ledger was written at ${formatTime(writtenMs)}: the clock was set back`)
}
