/** What is compared: the stand-in without anything between, three peers, and Tollgate on both databases. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PostgresServer } from '../support/postgres.ts'
import { freePort } from '../support/programs.ts'
import { startTollgate } from './compare-tollgate.ts'
import { type Started, startServing } from './crew.ts'
import { generatePath } from './parcels.ts'

export const targetNames = [
  'direct',
  'nginx',
  '@fastify/http-proxy',
  'Portkey',
  'Tollgate, SQLite',
  'Tollgate, PostgreSQL',
] as const
export type TargetName = (typeof targetNames)[number]
export const peerNames = ['nginx', '@fastify/http-proxy', 'Portkey'] as const satisfies readonly TargetName[]

/** Something that listens, and how a call must look to be forwarded by it. */
export type Target = {
  readonly name: TargetName
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Undefined where nothing is measured but time. */
  readonly pid: number | undefined
  /** Throws unless the books of this target balance. */
  check(): Promise<unknown>
  /** The last error it has told of, if it tells. */
  trouble(): string | undefined
  close(): Promise<unknown>
}

export type Place = {
  /** Empty, for the target alone. */
  readonly folder: string
  readonly upstreamPort: number
  /** The core of the process under test. */
  readonly core: number | undefined
  readonly postgres: () => Promise<PostgresServer>
}

const peers = fileURLToPath(new URL('./peers/', import.meta.url))
const portkey = join(peers, 'node_modules/@portkey-ai/gateway/build/start-server.js')
const nothing = async () => undefined
const silent = { check: nothing, trouble: () => undefined }
const bearer = { authorization: 'Bearer sk-bench' }

/** Starts a target; throws when it cannot be had. */
export const starters: Readonly<Record<TargetName, (place: Place) => Promise<Target>>> = {
  async direct({ upstreamPort }) {
    const how = { path: generatePath, headers: bearer, pid: undefined }
    return { name: 'direct', port: upstreamPort, ...how, ...silent, close: nothing }
  },

  async nginx(place) {
    const port = await freePort()
    mkdirSync(place.folder)
    const file = join(place.folder, 'nginx.conf')
    writeFileSync(file, nginxConfig(port, place))
    const command = ['nginx', '-p', place.folder, '-c', file, '-e', join(place.folder, 'error.log')]
    const env = { PATH: `${process.env['PATH']}:/usr/sbin` }
    const started = await startServing({ command, core: place.core, cwd: place.folder, env, stdio: 'ignore' }, port)
    return peer('nginx', port, `/sd${generatePath}`, bearer, started)
  },

  async '@fastify/http-proxy'({ upstreamPort, core }) {
    const port = await freePort()
    const command = [process.execPath, 'http-proxy.mjs', String(port), `http://127.0.0.1:${upstreamPort}`]
    const env = { NODE_ENV: 'production' }
    const started = await startServing({ command, core, cwd: peers, env, stdio: 'ignore' }, port)
    return peer('@fastify/http-proxy', port, `/sd${generatePath}`, bearer, started)
  },

  async Portkey({ upstreamPort, core }) {
    const port = await freePort()
    const command = [process.execPath, portkey, '--headless', `--port=${port}`]
    const env = { NODE_ENV: 'production' }
    const started = await startServing({ command, core, cwd: peers, env, stdio: 'ignore' }, port)
    const where = { 'x-portkey-provider': 'stability-ai', 'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}` }
    return peer('Portkey', port, `/v1${generatePath}`, { ...bearer, ...where }, started)
  },

  'Tollgate, SQLite': (place) => tollgate('Tollgate, SQLite', place),

  async 'Tollgate, PostgreSQL'(place) {
    return tollgate('Tollgate, PostgreSQL', place, await (await place.postgres()).database())
  },
}

function peer(
  name: TargetName,
  port: number,
  path: string,
  headers: Target['headers'],
  { pid, close }: Started,
): Target {
  return { name, port, path, headers, pid, ...silent, close }
}

async function tollgate(name: TargetName, place: Place, databaseUrl?: string): Promise<Target> {
  const { upstreamPort, core, folder } = place
  const house = await startTollgate(folder, { upstreamPort, core, databaseUrl })
  const headers = { authorization: `Bearer ${house.secret}` }
  const { port, pid, balanced: check, trouble } = house

  async function close(): Promise<void> {
    const code = await house.close(60_000)
    if (code !== 0) throw new Error(`${name} ended with ${code}`)
  }

  return { name, port, path: `/sd${generatePath}`, headers, pid, check, trouble, close }
}

function nginxConfig(port: number, { upstreamPort, folder }: Place): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder};`)
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
daemon off;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 4096; }
http {
  ${temporary.join(' ')}
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  # By default it would write forms and pictures to files first.
  client_body_buffer_size 64k;
  proxy_request_buffering off;
  proxy_buffer_size 64k;
  proxy_buffers 16 64k;
  proxy_busy_buffers_size 512k;
  proxy_max_temp_file_size 0;
  upstream paid { server 127.0.0.1:${upstreamPort}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /sd/ {
      proxy_pass http://paid/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer sk-bench";
    }
  }
}
`
}

/** Installs the npm peers where they are not yet; answers the peers that are missing, each with the way to get it. */
export function missingPeers(wanted: readonly TargetName[]): ReadonlyMap<TargetName, string> {
  const missing = new Map<TargetName, string>()
  if (wanted.includes('nginx') && !runs('nginx', '-v')) {
    missing.set('nginx', 'nginx is missing: apt-get install -y --no-install-recommends nginx-light')
  }
  const fromNpm = wanted.filter((name) => name === '@fastify/http-proxy' || name === 'Portkey')
  if (fromNpm.length === 0 || existsSync(portkey)) return missing
  process.stderr.write('installing the peers from npm, once\n')
  if (runs('npm', 'ci', '--prefix', peers, '--ignore-scripts')) return missing
  for (const name of fromNpm) missing.set(name, `${name} is missing: npm run bench:peers installs it, with the network`)
  return missing
}

function runs(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` } })
    return true
  } catch {
    return false
  }
}
