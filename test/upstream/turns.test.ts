import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPace, unpaced } from '../../src/limits/pace.ts'
import { openTokens, type TokenChange } from '../../src/upstream/tokens.ts'
import { openTurns, type Turn, type TurnRules } from '../../src/upstream/turns.ts'

function turnsOf(weights: readonly number[], rules: Partial<TurnRules> = {}) {
  const { all } = openTokens(weights.map((weight, index) => ({ value: `sk-token-number-${index}`, weight })))
  const turns = openTurns(all, {
    pace: unpaced,
    departures: unpaced,
    concurrency: 0,
    mostInFlight: 1000,
    rest: true,
    ...rules,
  })
  const names = new Map(all.map(({ id }, index) => [id, index]))

  function take(tried: readonly number[] = []): Turn {
    const turn = turns.take(new Set(tried.map((index) => all[index]?.id ?? '')))
    assert.ok(typeof turn === 'object' && !(turn instanceof Promise))
    return turn
  }

  const tokenOf = (index: number) => all[index] ?? assert.fail()
  const placeOf = ({ token }: Turn) => names.get(token.id)
  const states = () => turns.list().map(({ state }) => state)
  return { turns, take, placeOf, tokenOf, states }
}

test('tokens of one weight take calls in turn', () => {
  const { take, placeOf } = turnsOf([1, 1, 1])
  const places = Array.from({ length: 6 }, () => {
    const turn = take()
    turn.done()
    return placeOf(turn)
  })
  assert.deepEqual(places, [0, 1, 2, 0, 1, 2])
})

test('the least busy token takes the next call', () => {
  const { take, placeOf } = turnsOf([1, 1])
  const [first, second] = [take(), take()]
  assert.deepEqual([placeOf(first), placeOf(second)], [0, 1])
  second.done()
  assert.deepEqual([placeOf(take()), placeOf(take())], [1, 0])
})

test('a token takes as many calls as its weight says, at rest and under load', () => {
  for (const end of [true, false]) {
    const { take, placeOf } = turnsOf([3, 1])
    const counts = [0, 0]
    for (let count = 0; count < 400; count++) {
      const turn = take()
      counts[placeOf(turn) ?? 0] = (counts[placeOf(turn) ?? 0] ?? 0) + 1
      if (end) turn.done()
    }
    assert.deepEqual(counts, [300, 100])
  }
})

test('a token that was away has no claim to what others took meanwhile', () => {
  const { turns, take, placeOf, tokenOf } = turnsOf([1, 1])
  turns.setAside(tokenOf(1), 'empty', 'test')
  for (let count = 0; count < 50; count++) take().done()
  turns.resume(tokenOf(1).id)
  const places = Array.from({ length: 6 }, () => {
    const turn = take()
    turn.done()
    return placeOf(turn)
  })
  assert.equal(places.filter((place) => place === 1).length, 3)
})

test('calls in flight are bounded per token and for all together, and room is told', () => {
  const { turns, take } = turnsOf([1, 1], { concurrency: 2, mostInFlight: 3 })
  let rooms = 0
  turns.onRoom(() => rooms++)
  const open = [take(), take(), take()]
  assert.equal(turns.take(), Number.POSITIVE_INFINITY)
  open[0]?.done()
  open[0]?.done()
  assert.equal(rooms, 1)
  assert.equal(
    turns.list().reduce((sum, { inFlight }) => sum + inFlight, 0),
    2,
  )
  take()
  assert.equal(turns.take(), Number.POSITIVE_INFINITY)
  const one = turnsOf([1], { concurrency: 2 })
  one.take()
  const second = one.take()
  assert.equal(one.turns.take(), Number.POSITIVE_INFINITY)
  second.giveBack()
  assert.equal(one.turns.list()[0]?.inFlight, 1)
  one.take()
})

test('the pace of one token does not hold back another, and a turn given back costs no permit', () => {
  const pace = openPace({ calls: 1, windowMs: 60_000 })
  const { turns, take, placeOf } = turnsOf([1, 1], { pace })
  const first = take()
  assert.deepEqual([placeOf(first), placeOf(take())], [0, 1])
  const wait = turns.take()
  assert.ok(typeof wait === 'number' && wait > 59_000 && wait <= 60_000)
  first.giveBack()
  assert.equal(placeOf(take()), 0)
})

test('a token set aside takes no call; cooling ends by itself, empty and revoked when somebody says so', async () => {
  const { turns, take, placeOf, tokenOf, states } = turnsOf([1, 1, 1, 1])
  const changes: TokenChange[] = []
  turns.onChange((change) => changes.push(change))
  turns.setAside(tokenOf(0), 'cooling', 'upstream_429', 40)
  turns.setAside(tokenOf(1), 'empty', 'upstream_out_of_credits')
  turns.setAside(tokenOf(2), 'revoked', 'upstream_auth_failed')
  assert.deepEqual(states(), ['cooling', 'empty', 'revoked', 'active'])
  assert.deepEqual([placeOf(take()), placeOf(take())], [3, 3])
  await new Promise((wake) => setTimeout(wake, 60))
  assert.deepEqual(states(), ['active', 'empty', 'revoked', 'active'])
  turns.resume(tokenOf(1).id, 'probe')
  turns.learn(tokenOf(2).id, 'active', 0)
  assert.deepEqual(states(), Array(4).fill('active'))
  assert.equal(turns.resume('tok_unknown'), false)
  assert.deepEqual(
    changes.map(({ from, to, reason, learnt }) => [from, to, reason, learnt]),
    [
      ['active', 'cooling', 'upstream_429', false],
      ['active', 'empty', 'upstream_out_of_credits', false],
      ['active', 'revoked', 'upstream_auth_failed', false],
      ['cooling', 'active', 'time_over', false],
      ['empty', 'active', 'probe', false],
      ['revoked', 'active', 'learnt', true],
    ],
  )
})

test('the outlook is the first token back, or none when waiting is in vain', () => {
  const { turns, tokenOf } = turnsOf([1, 1])
  assert.equal(turns.outlook().state, 'ready')
  turns.setAside(tokenOf(0), 'revoked', 'test')
  assert.equal(turns.outlook().state, 'ready')
  assert.equal(turns.inVain(0), undefined)
  turns.setAside(tokenOf(1), 'empty', 'test')
  assert.equal(turns.outlook().state, 'none')
  assert.equal(turns.inVain(3_600_000)?.code, 'upstream_unavailable')
  turns.setAside(tokenOf(1), 'cooling', 'test', 500_000)
  turns.setAside(tokenOf(0), 'cooling', 'test', 100_000)
  const { state, waitMs } = turns.outlook()
  assert.ok(state === 'cooling' && waitMs > 50_000 && waitMs <= 100_000)
  assert.equal(turns.inVain(100_000), undefined)
  assert.equal(turns.inVain(50_000)?.code, 'rate_limit_exceeded')
  assert.equal(turnsOf([]).turns.outlook().state, 'none')
})

test('many failures in a row let a token rest while another one works, and one success ends the row', () => {
  const { turns, take, placeOf, tokenOf, states } = turnsOf([1, 1])
  const fail = (times: number) => {
    for (let count = 0; count < times; count++) turns.heard(tokenOf(0), true)
  }
  fail(9)
  turns.heard(tokenOf(0), false)
  fail(9)
  assert.deepEqual(states(), ['active', 'active'])
  fail(1)
  assert.deepEqual(states(), ['resting', 'active'])
  assert.deepEqual([placeOf(take()), placeOf(take())], [1, 1])
  // Nothing is better than a resting token only where there is nothing else.
  turns.setAside(tokenOf(1), 'empty', 'test')
  assert.equal(placeOf(take()), 0)
  assert.equal(turns.outlook().state, 'ready')
})

test('the last token that works never rests', () => {
  const { turns, tokenOf, states } = turnsOf([1, 1])
  for (const index of [0, 1]) for (let count = 0; count < 50; count++) turns.heard(tokenOf(index), true)
  assert.deepEqual(states(), ['resting', 'active'])
  const alone = turnsOf([1])
  for (let count = 0; count < 50; count++) alone.turns.heard(alone.tokenOf(0), true)
  assert.deepEqual(alone.states(), ['active'])
})

test('a house without rest never sets its token aside', () => {
  const { turns, tokenOf, states } = turnsOf([1], { rest: false })
  turns.setAside(tokenOf(0), 'revoked', 'test')
  for (let count = 0; count < 50; count++) turns.heard(tokenOf(0), true)
  assert.deepEqual(states(), ['active'])
})

test('another token is waited for while it is only busy, and not when there is none', async () => {
  const { turns, take, tokenOf, placeOf } = turnsOf([1, 1], { concurrency: 1 })
  const [first, second] = [take(), take()]
  const tried = new Set([tokenOf(0).id])
  setTimeout(() => second.done(), 30)
  const turn = await turns.another(tried, 5000)
  assert.equal(turn && placeOf(turn), 1)
  first.done()
  assert.equal(await turns.another(new Set([0, 1].map((index) => tokenOf(index).id)), 5000), undefined)
  assert.equal(await turns.another(tried, 30), undefined)
})

test('a request leaves when its departure is due, and at once where that is now', async () => {
  const waits = [0, 40]
  const { turns, tokenOf } = turnsOf([1], { departures: { reserve: () => waits.shift() ?? 0 } })
  assert.equal(turns.depart(tokenOf(0)), undefined)
  const sinceMs = performance.now()
  await turns.depart(tokenOf(0))
  assert.ok(performance.now() - sinceMs >= 39)
})
