import { openSandbox } from '../upstream/sandbox.ts'

/** Runs the stand-in upstream alone until a signal ends it, for clients and for a gateway's UPSTREAM_URL. */
export async function runSandbox({ port }: { readonly port: string }): Promise<void> {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) fail('--port must be a whole number from 0 to 65535.')
  const sandbox = await openSandbox({ port: Number(port) }).catch((error: Error) => fail(error.message))
  process.stdout.write(`The sandbox listens at ${sandbox.origin}; any bearer token will do.\n`)
  const stop = () => sandbox.close().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function fail(sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  process.exit(2)
}
