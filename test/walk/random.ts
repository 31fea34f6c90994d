export type Random = ReturnType<typeof openRandom>

/** Numbers that look random and are the same for the same seed (mulberry32, public domain by Tommy Ettinger). */
export function openRandom(seed: number) {
  let state = seed >>> 0

  /** From 0 up to but not including 1. */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to but not including `end`. */
  const below = (end: number): number => Math.floor(next() * end)

  function pick<Item>(items: readonly Item[]): Item {
    const item = items[below(items.length)]
    if (item === undefined) throw new Error('there is nothing to pick from')
    return item
  }

  /** One of the names, each as often as its weight says. */
  function weighed<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][]
    let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return pick(entries)[0]
  }

  return { next, below, pick, weighed, chance: (share: number) => next() < share }
}
