import { openSandbox } from '../upstream/sandbox.ts'

/** Runs the stand-in upstream alone until a signal ends it, for clients and for a gateway's UPSTREAM_URL. */
export async function runSandbox({ port }: { readonly port: string }): Promise<void> {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) fail(2, '--port must be a whole number from 0 to 65535.')
  const sandbox = await openSandbox({ port: Number(port) }).catch(refuse)
  process.stdout.write(`The sandbox listens at ${sandbox.origin}; any bearer token will do.\n`)
  const stop = () => sandbox.close().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function refuse(error: NodeJS.ErrnoException): never {
  if (error.code === 'EADDRINUSE') fail(1, 'Something else listens at that port already.')
  if (error.code === 'EACCES') fail(1, 'This machine does not let the sandbox listen at that port.')
  throw error
}

function fail(exitCode: 1 | 2, sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  process.exit(exitCode)
}
