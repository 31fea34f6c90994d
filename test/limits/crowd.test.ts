import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { boundCrowd, mostCallers } from '../../src/limits/crowd.ts'
import { openLog } from '../../src/log.ts'
import { gather } from '../support/crowd.ts'
import { until } from '../support/raw-client.ts'

const limits = (most: string) => `Limit  Soft Limit  Hard Limit  Units\nMax open files   ${most}   ${most}   files\n`

test('callers get what descriptors leave beside the upstream and the books, and never more than memory has room for', () => {
  const rows: [string, number][] = [
    [limits('300'), 86],
    [limits('1024'), 448],
    [limits('4096'), 2944],
    [limits('20000'), 8192],
    [limits('1048576'), 8192],
    [limits('unlimited'), 8192],
    [limits('64'), 1],
    ['', 4096],
  ]
  for (const [text, most] of rows) assert.equal(mostCallers(text), most, text)
})

test('callers past the bound are closed, and the log is told at once, then once in a while with their number', async (t) => {
  const lines: Record<string, unknown>[] = []
  const log = openLog('info', false, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  boundCrowd(server, 3, log, 300)
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address && typeof address === 'object')
  const first = await gather(address.port, 13, (socket) => socket.resume())
  t.after(() => first.close())
  await until('ten of thirteen are closed', () => first.left() === 3)
  const told = () => lines.reduce((sum, { refused }) => sum + Number(refused), 0)
  await until('all of them are told', () => told() === 10)
  assert.deepEqual([lines[0]?.['reason'], lines[0]?.['refused'], lines[0]?.['most']], ['connections_refused', 1, 3])
  assert.ok(lines.length < 10, 'not a line for each')
  const second = await gather(address.port, 5, (socket) => socket.resume())
  await second.gone
  await until('they are told too', () => told() === 15)
  assert.equal(first.left(), 3)
})
