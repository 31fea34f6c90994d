import { mkdirSync } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Statement, Store } from '../store/store.ts'

/** Where the bytes of answers are kept for a while. Only their call's id names them. */
export type Bodies = {
  /** Keeps bytes so that they survive a crash once the unit with the answered statements is written. */
  keep(callId: string, bytes: Buffer): Promise<readonly Statement[]>
  read(callId: string): Promise<Buffer | undefined>
  drop(callIds: readonly string[]): Promise<void>
  /** Ids of calls whose bytes are here, with how old they are. */
  list(): Promise<readonly { readonly callId: string; readonly ageMs: number }[]>
}

/** Files in one folder, readable by the owner only: rows of a SQLite ledger stay small and its backups too. */
export function fileBodies(folder: string): Bodies {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pathOf = (callId: string) => join(folder, callId)

  // Synced before it gets its name, and the name synced too: a settled call must find its bytes after a power loss.
  async function keep(callId: string, bytes: Buffer): Promise<readonly Statement[]> {
    const path = pathOf(callId)
    const file = await open(`${path}.new`, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    await syncFolder(folder)
    return []
  }

  async function read(callId: string): Promise<Buffer | undefined> {
    return readFile(pathOf(callId)).catch(ignoreMissing)
  }

  async function drop(callIds: readonly string[]): Promise<void> {
    for (const callId of callIds) await rm(pathOf(callId), { force: true })
  }

  async function list() {
    const found: { callId: string; ageMs: number }[] = []
    for (const callId of await readdir(folder)) {
      const seen = await stat(pathOf(callId)).catch(ignoreMissing)
      if (seen) found.push({ callId, ageMs: Date.now() - seen.mtimeMs })
    }
    return found
  }

  return { keep, read, drop, list }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(dirname(join(folder, '.')), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

/** Rows of a table, for replicas that share no disk. */
export function storedBodies(store: Store): Bodies {
  return {
    async keep(callId, bytes) {
      return [{ sql: 'INSERT INTO replay_bodies (call_id, bytes) VALUES ($1, $2)', params: [callId, bytes] }]
    },
    async read(callId) {
      const [row] = await store.read('SELECT bytes FROM replay_bodies WHERE call_id = $1', [callId])
      const bytes = row?.['bytes']
      return bytes instanceof Uint8Array ? Buffer.from(bytes) : undefined
    },
    async drop(callIds) {
      for (const callId of callIds) {
        await store.write([{ sql: 'DELETE FROM replay_bodies WHERE call_id = $1', params: [callId] }])
      }
    },
    // They come and go in the unit of their record, so none is ever here without one.
    list: async () => [],
  }
}
