import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Agent } from 'undici'
import { openClient } from '../support/client.ts'
import { behind } from '../support/house.ts'
import { checkout, openPlace, type Place } from '../support/process.ts'
import { until } from '../support/raw-client.ts'
import { closedPort } from '../support/stand-in.ts'
import { opened } from '../support/stand-in-client.ts'

/** A pipe that nobody reads unless told to, and the command that writes its output there. */
function openPipe(t: TestContext, { folder }: Place) {
  const path = join(folder, 'log')
  execFileSync('mkfifo', [path])
  const end = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.after(() => closeSync(end))
  const into = (...node: string[]) =>
    ['sh', '-c', 'exec "$@" > "$0"', path, process.execPath, ...node] as [string, ...string[]]

  /** Writes until it takes no more. */
  function fill(): void {
    attempt(() => {
      for (;;) writeSync(end, 'x'.repeat(1024))
    })
  }

  /** Whatever is in it now. */
  function drain(): string {
    const taken = Buffer.alloc(1024 * 1024)
    let text = ''
    attempt(() => {
      for (;;) text += taken.toString('latin1', 0, readSync(end, taken))
    })
    return text
  }

  return { into, fill, drain }
}

/** Works until the pipe is full or empty. */
function attempt(work: () => void): void {
  try {
    work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}

test('calls go on while nobody reads the log, the lines come later, and the house can still end', async (t) => {
  const standIn = await opened(t)
  const place = openPlace(t)
  const { secret } = await place.furnish(300)
  const { into, fill, drain } = openPipe(t, place)
  const port = await closedPort()
  const house = place.begin({ command: into(`${checkout}src/server.ts`), env: behind(standIn, { PORT: String(port) }) })
  let log = ''
  await until('it listens', () => {
    log += drain()
    return log.includes('"listening"')
  })
  const agent = new Agent({ connections: 4, pipelining: 1 })
  t.after(() => agent.destroy())
  const client = openClient(`http://127.0.0.1:${port}`, agent)
  fill()
  for (let count = 0; count < 10; count++) {
    assert.equal((await client.call(secret, { prompt: 'a lighthouse' })).status, 200)
  }
  drain()
  let late = ''
  await until('the lines of the ten calls are there', () => {
    late += drain()
    return late.split('"msg":"call"').length === 11
  })
  fill()
  assert.equal((await client.call(secret, { prompt: 'a lighthouse' })).status, 200)
  house.kill('SIGTERM')
  assert.deepEqual(await house.ended, { code: 0, signal: null })
  assert.equal(standIn.calls.length, 11)
})

const log = JSON.stringify(`file://${checkout}src/log.ts`)

/** Writes more than a pipe holds, and exits. */
const hasty = `
  import { openOutput } from ${log}
  const output = openOutput()
  output.write('x'.repeat(200000))
  setTimeout(() => output.ended().then(() => process.exit(3)), 200)`

test('a process can exit although its last lines are stuck in a pipe that nobody reads', async (t) => {
  const place = openPlace(t)
  const { into } = openPipe(t, place)
  const child = place.begin({ command: into('--input-type=module', '--eval', hasty) })
  assert.deepEqual(await child.ended, { code: 3, signal: null })
})

/** Writes more than is kept, tells how many lines were dropped, and then hears of them once the pipe is read. */
const talkative = `
  import { droppedLines, openLog, openOutput } from ${log}
  import { writeSync } from 'node:fs'
  const output = openOutput(1000000)
  const log = openLog('info', false, output)
  output.onFlowing((lines) => log.warn({ reason: 'log_blocked', lines }, 'dropped'))
  const note = 'x'.repeat(10000)
  for (let count = 0; count < 300; count++) log.info({ note }, 'line')
  writeSync(2, 'dropped ' + droppedLines() + '.')
  setInterval(() => {}, 1000)`

test('lines past what is kept are dropped and counted, and the log tells how many as soon as it is read again', async (t) => {
  const place = openPlace(t)
  const { into, drain } = openPipe(t, place)
  const child = place.begin({ command: into('--input-type=module', '--eval', talkative) })
  await until('it has told', () => /dropped \d+\./.test(child.stderr()))
  const dropped = Number(/dropped (\d+)\./.exec(child.stderr())?.[1])
  assert.ok(dropped > 190 && dropped < 220, `${dropped} of 300 lines of 10 kB; 1 MB is kept`)
  let log = ''
  await until('the drops are told', () => {
    log += drain()
    return log.endsWith('"msg":"dropped"}\n')
  })
  const lines = log
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(lines.length, 300 - dropped + 1)
  assert.deepEqual([lines.at(-1)?.['reason'], lines.at(-1)?.['lines']], ['log_blocked', dropped])
  child.kill('SIGKILL')
  await child.ended
})
