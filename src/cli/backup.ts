import { existsSync, rmSync, statSync } from 'node:fs'
import type { Environment } from '../config.ts'
import { draftCopy, publish } from '../store/sqlite-backup.ts'
import { openToRead, refusalOf } from '../store/sqlite-reading.ts'
import { booksData, booksLines, proveFile } from './proof.ts'
import { ledgerFileOf, Refusal, type Report } from './tool.ts'

const otherwise =
  'DATABASE_URL names a PostgreSQL server: back it up with pg_dump --format=custom, which takes one moment of it too.'

/**
 * Copies the ledger into a new file while its server runs. The copy has its name only once it is whole, sound, balanced
 * and on disk. Throws Refusal, StoreRefusal, or the error of the file system.
 */
export async function backup(file: string, env: Environment): Promise<Report> {
  const source = ledgerFileOf(env, otherwise)
  if (existsSync(file)) throw new Refusal(`${file} exists already; name a new file, as nothing is overwritten.`)
  const draft = draftFrom(source, file)
  try {
    const proof = await proveFile(draft, 1).catch((error: Error) => {
      throw error instanceof Refusal ? new Refusal(`${error.message.replaceAll(draft, source)}\n${unsquared}`) : error
    })
    publish(draft, file)
    const { size } = statSync(file)
    const cache = `Answers kept for Idempotency-Keys (${source}-replays) last a day or so and are not part of it.`
    return {
      lines: [`${source} is backed up to ${file} (${size} bytes) and checked.`, ...booksLines(proof), cache],
      data: { file, bytes: size, books: booksData(proof), replays_included: false },
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

const unsquared =
  'No backup was made, since it could not be restored. To keep this state, stop the server and copy the file.'

function draftFrom(source: string, file: string): string {
  const ledger = openToRead(source)
  try {
    return draftCopy(ledger, file, source)
  } catch (error) {
    throw refusalOf(error, source)
  } finally {
    ledger.close()
  }
}
