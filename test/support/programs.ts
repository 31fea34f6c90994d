import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'

/** Defines tests that need programs of the machine; where one is missing, says what was left out, or fails in CI. */
export function withPrograms(names: readonly string[], what: string, define: () => void, install = ''): void {
  const missing = names.filter((name) => spawnSync(name, ['--version']).error !== undefined)
  const sentence = `${missing.join(' and ')} not on this machine, so ${what} was not tested${install && `: ${install}`}.`
  if (missing.length === 0) define()
  else if (process.env['CI'] === 'true') test(`${missing.join(' and ')} in CI`, () => assert.fail(sentence))
  else console.log(`LEFT OUT: ${sentence}`)
}

/** A port of the loopback that was free just now, for programs that cannot pick one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  server.close()
  await once(server, 'close')
  return address.port
}
