import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigFault, type Environment, loadConfig } from '../config.ts'
import { StoreUnavailable } from '../errors.ts'
import type { Database } from '../store/open.ts'
import { type Store, StoreRefusal } from '../store/store.ts'

/** What a tool has to tell: lines for people, the same as data for programs. */
export type Report = {
  readonly lines: readonly string[]
  readonly data: unknown
  readonly exitCode?: number
}

/** A "no" of a tool; the sentence is for the operator. */
export class Refusal extends Error {
  readonly exitCode: number
  constructor(sentence: string, exitCode = 1) {
    super(sentence)
    this.name = 'Refusal'
    this.exitCode = exitCode
  }
}

/** Runs a tool and prints its report. Whatever goes wrong ends as sentences on stderr and the exit code for it. */
export async function runTool(json: boolean | undefined, work: () => Report | Promise<Report>): Promise<void> {
  try {
    const { lines, data, exitCode = 0 } = await work()
    process.stdout.write(json ? `${JSON.stringify(data)}\n` : lines.map((line) => `${line}\n`).join(''))
    process.exitCode = exitCode
  } catch (error) {
    const { exitCode, sentences } = endFor(error)
    process.stderr.write(sentences.map((sentence) => `${sentence}\n`).join(''))
    process.exitCode = exitCode
  }
}

/** An error in the words of `runTool`. */
export function sentencesOf(error: unknown): readonly string[] {
  return endFor(error).sentences
}

function endFor(error: unknown): { readonly exitCode: number; readonly sentences: readonly string[] } {
  if (error instanceof ConfigFault) return { exitCode: 78, sentences: error.faults }
  if (error instanceof Refusal || error instanceof StoreRefusal) {
    return { exitCode: error.exitCode, sentences: [error.message] }
  }
  if (error instanceof StoreUnavailable) {
    return { exitCode: 1, sentences: [`The database cannot be used at the moment (${error.trouble}); try again.`] }
  }
  const { code, path, message } = error as NodeJS.ErrnoException
  const sentence = code && fileFaults[code]
  if (sentence && path) return { exitCode: 1, sentences: [`${path} ${sentence}`] }
  if (sentence) return { exitCode: 1, sentences: [`A file ${sentence}`] }
  return { exitCode: 70, sentences: [`Internal error: ${message ?? String(error)}`] }
}

const fileFaults: Readonly<Record<string, string>> = {
  EACCES: 'may not be read or written by this user.',
  EPERM: 'may not be read or written by this user.',
  EEXIST: 'exists already; name a file that does not, as nothing is overwritten.',
  EISDIR: 'is a folder; name a file.',
  ENOENT: 'is in a folder that does not exist, or is not there itself.',
  ENOTDIR: 'is in something that is no folder.',
  ENOSPC: 'cannot be written: the disk is full.',
  EDQUOT: 'cannot be written: the disk quota is used up.',
  EROFS: 'is on a disk that can only be read.',
  EIO: 'cannot be read or written: the disk reports an error.',
}

/** The settings of the environment, and those of the file `.env` that it does not have itself. Throws Refusal. */
export function withEnvFile(env: Environment): Environment {
  try {
    return { ...parseEnv(readFileSync('.env', 'utf8')), ...env }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return env
    throw new Refusal(`.env: cannot be read (${code}).`, 78)
  }
}

/** Where the ledger is. A fault of another setting must not keep anybody from a backup. Throws ConfigFault. */
export function databaseOf(env: Environment): Database {
  const { DATABASE_URL, DATABASE_URL_FILE } = withEnvFile(env)
  return loadConfig({ DATABASE_URL, DATABASE_URL_FILE }).config.database
}

/** The file of a SQLite ledger. Throws Refusal with the sentence where DATABASE_URL names a server. */
export function ledgerFileOf(env: Environment, otherwise: string): string {
  const database = databaseOf(env)
  if (database.kind !== 'sqlite') throw new Refusal(otherwise)
  return database.path
}

/** How long a database server that does not answer is waited for. */
const patienceMs = 5000

/** Opens the database, but does not wait for its server without end as the gateway does. Throws as openStore, or Refusal. */
export async function openStoreSoon(database: Database): Promise<Store> {
  const signal = AbortSignal.timeout(patienceMs)
  let last = 'the database server does not answer'
  const notice = (sentence: string) => {
    last = sentence.replace('; trying again', '')
  }
  // Loaded here, since most commands open no database.
  const { openStore } = await import('../store/open.ts')
  return openStore(database, { signal, notice }).catch((error: unknown) => {
    throw signal.aborted ? new Refusal(`DATABASE_URL: ${last}.`) : error
  })
}
