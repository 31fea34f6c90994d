import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problem } from '../../src/errors.ts'
import { LeftQueue, openQueue, type Source, type Waited } from '../../src/limits/queue.ts'

type Place = Waited & { readonly number: number }

/** A source that has as many turns as it was given, and hears of those that come back. */
function sourceOf(turns: number, spacingMs = 0) {
  let made = 0
  let room = () => {}
  const state = { left: turns, vain: undefined as Problem | undefined, slow: false }

  function take(): Place | number | Promise<Place | number> {
    if (!state.slow) return one()
    return new Promise((resolve) => setImmediate(() => resolve(one())))
  }

  function one(): Place | number {
    if (state.left === 0) return Number.POSITIVE_INFINITY
    state.left--
    return { number: ++made, giveBack: () => more(1) }
  }

  function more(count: number): void {
    state.left += count
    room()
  }

  const source: Source<Place> = {
    take,
    inVain: () => state.vain,
    spacingMs: () => spacingMs,
    onRoom(work) {
      room = work
    },
  }
  return { source, state, more, tell: () => room() }
}

const bounds = { longestMs: 5000, mostWaiting: 1000 }
const stays = () => undefined
const caller = (lane: string, onLeave: (work: () => void) => void = stays) => ({ lane, onLeave })
const turned = () => new Promise((resolve) => setImmediate(resolve))

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'a turn'
  } catch (error) {
    return error instanceof Problem ? error.code : (error as Error).constructor.name
  }
}

test('who need not wait has a turn at once, without a promise', () => {
  const { source } = sourceOf(1)
  const queue = openQueue(source, bounds)
  const turn = queue.turn(caller('a'))
  assert.ok(!(turn instanceof Promise))
  assert.equal(turn.number, 1)
})

test("one call of a lane goes before another lane's hundred", async () => {
  const { source, more } = sourceOf(0)
  const queue = openQueue(source, bounds)
  const order: string[] = []
  const wait = (lane: string) => Promise.resolve(queue.turn(caller(lane))).then(() => order.push(lane))
  const all = Array.from({ length: 100 }, () => wait('many'))
  await turned()
  all.push(wait('one'), wait('two'), wait('one'))
  await turned()
  assert.deepEqual([queue.view().waiting, queue.view().lanes], [103, 3])
  for (let count = 0; count < 103; count++) {
    more(1)
    await turned()
  }
  await Promise.all(all)
  assert.deepEqual(order.slice(0, 6), ['many', 'one', 'two', 'many', 'one', 'many'])
  assert.deepEqual([queue.view().waiting, queue.view().lanes], [0, 0])
})

test('who comes while others wait does not overtake them', async () => {
  const { source, state, more } = sourceOf(0)
  const queue = openQueue(source, bounds)
  const first = queue.turn(caller('a'))
  await turned()
  state.left = 1
  const second = queue.turn(caller('b'))
  more(1)
  assert.equal((await first).number, 1)
  assert.equal((await second).number, 2)
})

test('a turn found by nobody goes back, and word of room that comes meanwhile is not lost', async () => {
  const { source, state, more } = sourceOf(0)
  const queue = openQueue(source, bounds)
  let leave = () => {}
  const left = codeOf(() => queue.turn(caller('a', (work) => (leave = work))))
  await turned()
  state.slow = true
  more(1)
  leave()
  assert.equal(await left, 'LeftQueue')
  for (let count = 0; count < 5; count++) await turned()
  assert.equal(state.left, 1)
  state.slow = false
  assert.equal(typeof (await queue.turn(caller('b'))).number, 'number')
})

test('who leaves is waited for no longer, and keeps nobody from a turn', async () => {
  const { source, more } = sourceOf(0)
  const queue = openQueue(source, bounds)
  let leave = () => {}
  const gone = codeOf(() => queue.turn(caller('a', (work) => (leave = work))))
  const stayed = Promise.resolve(queue.turn(caller('a')))
  await turned()
  leave()
  assert.equal(await gone, LeftQueue.name)
  assert.equal(queue.view().waiting, 1)
  more(1)
  assert.equal((await stayed).number, 1)
})

test('who has left before the waiting begins does not wait', async () => {
  const { source } = sourceOf(0)
  const queue = openQueue(source, bounds)
  assert.equal(await codeOf(() => queue.turn(caller('a', (work) => work()))), 'LeftQueue')
  assert.equal(queue.view().waiting, 0)
})

test('the wait is bounded, and so is the number of those who wait', async () => {
  const { source } = sourceOf(0)
  const queue = openQueue(source, { longestMs: 60, mostWaiting: 2 })
  const waits = [codeOf(() => queue.turn(caller('a'))), codeOf(() => queue.turn(caller('b')))]
  await turned()
  assert.equal(await codeOf(() => queue.turn(caller('c'))), 'busy')
  assert.deepEqual(await Promise.all(waits), ['busy', 'busy'])
  assert.equal(queue.view().waiting, 0)
})

test('who would wait too long by all that is known is told so at once, with the real wait', async () => {
  const { source } = sourceOf(0, 1000)
  const queue = openQueue(source, { longestMs: 3500, mostWaiting: 100 })
  const waits = ['a', 'a', 'a'].map((lane) => codeOf(() => queue.turn(caller(lane))))
  await turned()
  await assert.rejects(
    async () => queue.turn(caller('a')),
    (error) => error instanceof Problem && error.code === 'busy' && error.retryAfterSeconds === 4,
  )
  // A lane of its own is behind one call of the other lane only.
  const other = codeOf(() => queue.turn(caller('b')))
  await turned()
  assert.equal(queue.view().waiting, 4)
  queue.close()
  assert.deepEqual(await Promise.all([...waits, other]), Array(4).fill('shutting_down'))
})

test('when waiting becomes vain all who wait are told why, and newcomers too', async () => {
  const { source, state, tell } = sourceOf(0)
  const queue = openQueue(source, bounds)
  const waits = ['a', 'b', 'b'].map((lane) => codeOf(() => queue.turn(caller(lane))))
  await turned()
  state.vain = new Problem('upstream_unavailable')
  tell()
  assert.deepEqual(await Promise.all(waits), Array(3).fill('upstream_unavailable'))
  assert.equal(await codeOf(() => queue.turn(caller('c'))), 'upstream_unavailable')
})

test('what is asked before the waiting may refuse it, and is not asked of who need not wait', async () => {
  const { source, state } = sourceOf(1)
  const queue = openQueue(source, bounds)
  let asked = 0
  const poor = async () => {
    asked++
    throw new Problem('insufficient_credits')
  }
  assert.equal(await codeOf(() => queue.turn(caller('a'), poor)), 'a turn')
  assert.equal(asked, 0)
  assert.equal(state.left, 0)
  assert.equal(await codeOf(() => queue.turn(caller('a'), poor)), 'insufficient_credits')
  assert.deepEqual([asked, queue.view().waiting], [1, 0])
})

test('a closed queue refuses who waits and who would have to, and nobody else', async () => {
  const { source, more } = sourceOf(0)
  const queue = openQueue(source, bounds)
  const waits = codeOf(() => queue.turn(caller('a')))
  await turned()
  queue.close()
  assert.equal(await waits, 'shutting_down')
  assert.equal(await codeOf(() => queue.turn(caller('a'))), 'shutting_down')
  more(1)
  assert.equal(await codeOf(() => queue.turn(caller('a'))), 'a turn')
})

test('each turn is told with its wait', async () => {
  const { source, more } = sourceOf(1)
  const queue = openQueue(source, bounds)
  const told: number[] = []
  queue.onTurn((waitedMs) => told.push(waitedMs))
  await queue.turn(caller('a'))
  const second = queue.turn(caller('a'))
  await new Promise((wake) => setTimeout(wake, 30))
  assert.ok(queue.view().oldestWaitMs >= 25)
  more(1)
  await second
  assert.equal(told[0], 0)
  assert.ok((told[1] ?? 0) >= 25)
})
