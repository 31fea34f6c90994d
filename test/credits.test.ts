import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatCredits, jsonCredits, millionths, mostCredits, parseCredits } from '../src/credits.ts'

const fourBillion = 4_000_000_000 * 1_000_000
const upToFourBillion = fc.integer({ min: -fourBillion, max: fourBillion })

test('every amount up to four billion credits survives the way out as a JSON number and back in', () => {
  fc.assert(
    fc.property(upToFourBillion, (count) => {
      const amount = millionths(count)
      assert.equal(parseCredits(JSON.parse(JSON.stringify(jsonCredits(amount))) as number), amount)
    }),
    { numRuns: 20_000 },
  )
})

test('every amount an account can own survives as a decimal text', () => {
  fc.assert(
    fc.property(fc.integer({ min: -mostCredits, max: mostCredits }), (count) => {
      const [whole = '', fraction = ''] = formatCredits(millionths(Math.abs(count))).split('.')
      assert.equal(BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0')), BigInt(Math.abs(count)))
    }),
    { numRuns: 20_000 },
  )
})

test('the text of an amount is the shortest decimal', () => {
  const texts: [number, string][] = [
    [0, '0'],
    [3_000_000, '3'],
    [6_500_000, '6.5'],
    [-1, '-0.000001'],
    [1_000_001, '1.000001'],
    [100_000, '0.1'],
    [mostCredits, '9000000000'],
  ]
  for (const [count, text] of texts) assert.equal(formatCredits(millionths(count)), text)
})

test('a tenth is exactly a hundred thousand millionths', () => {
  assert.equal(parseCredits(0.1), 100_000)
  assert.equal(parseCredits(-2.5), -2_500_000)
  assert.equal(parseCredits(0.000001), 1)
  assert.equal(parseCredits(-0), 0)
})

test('more than six decimals are refused and never rounded', () => {
  for (const amount of [0.1 + 0.2, 1.0000001, 1e-7, 9.99e-7, 1e-10, -4e-8, Number.MIN_VALUE]) {
    assert.equal(parseCredits(amount), undefined, String(amount))
  }
})

test('what is not finite or more than an account may own is refused', () => {
  for (const amount of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -Number.POSITIVE_INFINITY,
    9_000_000_000.1,
    1e21,
    -1e300,
  ]) {
    assert.equal(parseCredits(amount), undefined, String(amount))
  }
  assert.equal(parseCredits(9_000_000_000), mostCredits)
})

test('only whole millionths within the bounds are an amount', () => {
  for (const count of [0.5, Number.NaN, mostCredits + 1, -mostCredits - 1, Number.POSITIVE_INFINITY]) {
    assert.throws(() => millionths(count), RangeError)
  }
})
