import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freePort, withPrograms } from './programs.ts'

const program = '/usr/sbin/pgbouncer'

export const withPgBouncer = (what: string, define: () => void) => withPrograms([program], what, define)

/** The address of the same database by way of a pooler that gives each transaction to whichever session is free. */
export async function pooled(t: TestContext, url: string): Promise<string> {
  const { hostname, port, username, password } = new URL(url)
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-pgbouncer-'))
  chmodSync(folder, 0o755)
  const listen = await freePort()
  const settings = `[databases]
* = host=${hostname} port=${port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(file, settings)
  const root = process.getuid?.() === 0
  // It refuses to run as root.
  const child = spawn(program, [...(root ? ['-u', 'nobody'] : []), file], { stdio: 'ignore' })
  t.after(() => ended(child).then(() => rmSync(folder, { recursive: true })))
  const way = new URL(url)
  way.port = String(listen)
  await answers(way.href)
  return way.href
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function answers(url: string): Promise<void> {
  for (let tries = 100; ; tries--) {
    const client = new Client({ connectionString: url })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await client.end()
    } catch (error) {
      if (tries === 0) throw error
      await sleep(50)
    }
  }
}
