import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pause, startRounds } from '../../src/chores/rounds.ts'
import { openLog } from '../../src/log.ts'

function plan(everyMs: number) {
  const lines: string[] = []
  const log = openLog('info', false, { write: (line) => void lines.push(line) })
  return { lines, plan: { everyMs, log, reason: 'test', failed: 'it failed' } }
}

test('rounds follow each other and never overlap, however long one takes', async () => {
  let [running, most, rounds] = [0, 0, 0]
  const { promise, resolve } = Promise.withResolvers<void>()
  const work = async () => {
    most = Math.max(most, ++running)
    await new Promise((wake) => setTimeout(wake, 12))
    running--
    if (++rounds === 3) resolve()
  }
  const { close } = startRounds(work, plan(2).plan)
  await promise
  await close()
  assert.deepEqual([running, most], [0, 1])
})

test('a round that fails is told once, until one has succeeded', async () => {
  const { lines, plan: told } = plan(1)
  const outcomes = [false, false, true, false, false, true]
  const { promise, resolve } = Promise.withResolvers<void>()
  const work = async () => {
    const isGood = outcomes.shift()
    if (isGood === undefined) return resolve()
    if (!isGood) throw new Error('no')
  }
  const { close } = startRounds(work, { ...told, atOnce: true })
  await promise
  await close()
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
    ['it failed', 'it failed'],
  )
})

test('closing wakes who pauses, waits for the round under way, and lets no other begin', async () => {
  let rounds = 0
  let over = false
  const work = async (closing: AbortSignal) => {
    rounds++
    await pause(60_000, closing)
    await new Promise((wake) => setTimeout(wake, 10))
    over = true
  }
  const { close } = startRounds(work, { ...plan(1).plan, atOnce: true })
  await close()
  assert.deepEqual([rounds, over], [1, true])
  await new Promise((wake) => setTimeout(wake, 10))
  assert.equal(rounds, 1)
})
