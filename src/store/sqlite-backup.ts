import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { checkLedger } from './sqlite-reading.ts'

/**
 * Copies a ledger as it is at one moment, while its server goes on writing, into a draft beside `target` that only its
 * owner can read. The draft is checked and on disk, and is the caller's to publish or remove. Sentences speak of `name`.
 * Throws StoreRefusal when the copy is not sound, or the error of SQLite or the file system; then no draft is left.
 */
export function draftCopy(from: DatabaseSync, target: string, name: string): string {
  const draft = `${target}.${process.pid}.draft`
  rmSync(draft, { force: true })
  try {
    // Made first, as SQLite would make it readable to whoever the umask lets.
    closeSync(openSync(draft, 'wx', 0o600))
    from.prepare('VACUUM INTO ?').run(draft)
    checkLedger(draft, name)
    sync(draft)
    return draft
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

/** Gives a draft its name for good, in place of nothing: throws an error of code EEXIST when the name is taken. */
export function publish(draft: string, target: string): void {
  if (existsSync(target)) throw Object.assign(new Error(`${target} exists`), { code: 'EEXIST', path: target })
  renameSync(draft, target)
  sync(dirname(target))
}

/** Makes the content of a file, or the names in a folder, survive a loss of power. */
export function sync(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

/**
 * The copy that a migration starts from, `<file>.before-0005` beside the ledger. A start that failed and is tried again
 * finds its copy there and makes no second one; a copy of another state is never replaced.
 */
export function copyBeforeMigration(ledger: DatabaseSync, file: string, migration: number): string {
  const name = copyNameBefore(file, migration)
  const draft = draftCopy(ledger, name, file)
  try {
    const taken = existsSync(name)
    if (taken && haveSameBytes(draft, name)) return name
    const target = taken ? `${name}-${stamp(Date.now())}` : name
    publish(draft, target)
    return target
  } finally {
    rmSync(draft, { force: true })
  }
}

/** What the copy before that migration is called, unless an older one has the name. */
export function copyNameBefore(file: string, migration: number): string {
  return `${file}.before-${String(migration).padStart(4, '0')}`
}

/** A moment as it may stand in a file's name. */
export function stamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:.]/g, '')
}

const pieceBytes = 1024 * 1024

// Piece by piece, since a ledger may be larger than a buffer.
function haveSameBytes(one: string, other: string): boolean {
  const handles = [openSync(one, 'r'), openSync(other, 'r')] as const
  try {
    if (fstatSync(handles[0]).size !== fstatSync(handles[1]).size) return false
    for (;;) {
      const [piece, twin] = [pieceOf(handles[0]), pieceOf(handles[1])]
      if (!piece.equals(twin)) return false
      if (piece.length === 0) return true
    }
  } finally {
    for (const handle of handles) closeSync(handle)
  }
}

function pieceOf(handle: number): Buffer {
  const piece = Buffer.allocUnsafe(pieceBytes)
  return piece.subarray(0, readSync(handle, piece))
}
