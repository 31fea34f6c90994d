import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Latencies } from './latencies.ts'
import { Messages } from './messages.ts'
import { answerBody, formOf, workloads } from './parcels.ts'
import { spreadOf } from './spread.ts'

const compare = fileURLToPath(new URL('./compare.ts', import.meta.url))

/** What the bench prints; rejects unless it ends well. */
async function printed(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [compare, ...args], { timeout: 120_000 })
  return stdout
}

test('the bench measures a house beside its upstream, and says what it did not measure', async () => {
  const told = await printed('--quick', '--seconds', '1', '--only', 'direct,sqlite', '--flights', '4')
  assert.match(told, /^### W1 .*, 4 in flight$/m)
  assert.match(told, /^\| direct +\| \d+ \(/m)
  assert.match(told, /^\| Tollgate, SQLite +\| [\d.]+ \([^|]+\| \d+\.\d+ \(/m)
  assert.match(told, /\| not measured +\|/)
  assert.match(told, /without nginx and @fastify\/http-proxy and Portkey/)
  assert.match(told, /^Every answer was right, and the books balanced after each round\.$/m)
})

test('forms have exactly the bytes their workload names, and the picture has its size', () => {
  for (const { formBytes } of workloads) assert.equal(formOf(formBytes).length, formBytes)
  assert.equal(answerBody('picture').length, 1_500_000)
})

test('messages are counted however the bytes are cut', () => {
  const stream = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\n\r\n',
    'HTTP/1.1 500 No\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx',
  ].join('')
  for (const size of [1, 2, 3, 7, 64, stream.length]) {
    const heard: string[] = []
    const messages = new Messages((head, bytes) => heard.push(`${head.slice(9, 12)} ${bytes}`))
    for (let at = 0; at < stream.length; at += size) messages.feed(Buffer.from(stream.slice(at, at + size)))
    assert.deepEqual(heard, ['200 5', '200 31', '500 0', '200 1'], `pieces of ${size}`)
  }
})

test('a quantile is told within two percent, from microseconds to minutes', () => {
  for (const ms of [0.003, 0.05, 0.064, 0.9, 17, 1234, 56_000]) {
    const latencies = new Latencies()
    for (let times = 0; times < 99; times++) latencies.record(ms)
    latencies.record(59_000)
    assert.ok(Math.abs(latencies.quantileMs(0.5) / ms - 1) < 0.02, `${ms}: ${latencies.quantileMs(0.5)}`)
    assert.ok(Math.abs(latencies.quantileMs(1) / 59_000 - 1) < 0.02)
  }
})

test('a spread leaves out what is no number', () => {
  assert.deepEqual(spreadOf([3, Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 10]), { median: 2.5, min: 1, max: 10 })
  assert.deepEqual(spreadOf([]), { median: Number.NaN, min: Number.NaN, max: Number.NaN })
})
