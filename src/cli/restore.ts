import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Environment } from '../config.ts'
import { openLock } from '../store/sqlite.ts'
import { draftCopy, publish, stamp, sync } from '../store/sqlite-backup.ts'
import { checkLedger, openToRead, refusalOf } from '../store/sqlite-reading.ts'
import { booksData, booksLines, proveFile } from './proof.ts'
import { ledgerFileOf, Refusal, type Report } from './tool.ts'

const otherwise = 'DATABASE_URL names a PostgreSQL server: restore it with pg_restore or psql, into an empty database.'

/**
 * Puts a backup in the place of the ledger, which is kept beside it under a dated name. Nothing is touched unless the
 * backup is sound, balanced and of no newer version. Throws StoreRefusal (75 while a server has the ledger, 65 damaged
 * backup, 78 newer), Refusal, or the error of the file system.
 */
export async function restore(file: string, env: Environment): Promise<Report> {
  const ledger = resolve(ledgerFileOf(env, otherwise))
  if (!existsSync(file)) throw new Refusal(`There is no backup ${file}.`)
  if (resolve(file) === ledger) throw new Refusal(`${file} is the ledger itself.`)
  const lock = openLock(`${ledger}.lock`, ledger)
  try {
    return await restoreLocked(file, ledger, lock)
  } finally {
    lock.close()
  }
}

async function restoreLocked(file: string, ledger: string, lock: DatabaseSync): Promise<Report> {
  const draft = draftFrom(file, ledger)
  try {
    const proof = await proveFile(draft, 65).catch((error: Error) => {
      throw error instanceof Refusal ? new Refusal(error.message.replaceAll(draft, file), error.exitCode) : error
    })
    // First, so that a death between here and the end is a missing ledger and never an empty new one.
    lock.exec('PRAGMA user_version = 1')
    const kept = putAside(ledger)
    publish(draft, ledger)
    return {
      lines: [
        `${file} is restored to ${ledger} and checked. What happened after that backup is not in it.`,
        ...(kept ? [`The ledger that was there is kept as ${kept}.`] : []),
        ...booksLines(proof),
      ],
      data: { restored: file, ledger, kept: kept ?? null, books: booksData(proof) },
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

/** A checked copy beside the ledger: what is put in its place is then only renamed, and is what was checked. */
function draftFrom(file: string, ledger: string): string {
  checkLedger(file)
  const backup = openToRead(file)
  try {
    return draftCopy(backup, ledger, file)
  } catch (error) {
    throw refusalOf(error, file)
  } finally {
    backup.close()
  }
}

/**
 * Moves a ledger away with its write-ahead log, which belongs to it and to no other: its last commits may be there only.
 * The file goes first, since a ledger without its log would look whole.
 */
export function putAside(ledger: string, word = 'replaced'): string | undefined {
  const kept = `${ledger}.${word}-${stamp(Date.now())}`
  const moved = ['', '-wal', '-shm', '-journal'].filter((ending) => existsSync(ledger + ending))
  for (const ending of moved) renameSync(ledger + ending, kept + ending)
  sync(dirname(ledger))
  return moved.includes('') ? kept : undefined
}
