import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Spread } from '../metrics.ts'

/** One line of a metric: the values of its labels, and its number. */
export type Sample<Label extends string> = readonly [labels: Readonly<Record<Label, string>>, value: number]

type About = { readonly name: string; readonly help: string; readonly registers: Registry[] }

/** A number that only grows; asked for when somebody looks. */
export function counter<Label extends string>(
  about: About,
  labelNames: readonly Label[],
  ask: () => Iterable<Sample<Label>>,
): void {
  new Counter({
    ...{ ...about, labelNames: [...labelNames] },
    collect() {
      this.reset()
      for (const [labels, value] of ask()) this.inc({ ...labels }, value)
    },
  })
}

/** A number that goes up and down; asked for when somebody looks. */
export function gauge<Label extends string>(
  about: About,
  labelNames: readonly Label[],
  ask: () => Iterable<Sample<Label>>,
): void {
  new Gauge({
    ...{ ...about, labelNames: [...labelNames] },
    collect() {
      this.reset()
      // What is not known has no line; without this a metric that has no labels would say 0.
      if (labelNames.length === 0) this.remove()
      for (const [labels, value] of ask()) this.set({ ...labels }, value)
    },
  })
}

type Spreads<Label extends string> = Iterable<readonly [labels: Readonly<Record<Label, string>>, spread: Spread]>

/** How values are spread; asked for when somebody looks. */
export function histogram<Label extends string>(
  about: About,
  labelNames: readonly Label[],
  ask: () => Spreads<Label>,
): void {
  new SpreadHistogram(about, labelNames, ask)
}

/** The library has no way in for what was counted elsewhere, so this one answers with its own lines. */
class SpreadHistogram<Label extends string> extends Histogram<Label> {
  readonly #about: About
  readonly #ask: () => Spreads<Label>

  constructor(about: About, labelNames: readonly Label[], ask: () => Spreads<Label>) {
    super({ ...about, labelNames: [...labelNames] })
    this.#about = about
    this.#ask = ask
  }

  /** What a registry asks a histogram for. */
  async getForPromString() {
    const { name, help } = this.#about
    const values = [...this.#ask()].flatMap(([labels, spread]) => linesOf(name, labels, spread))
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
}

function linesOf<Label extends string>(name: string, labels: Readonly<Record<Label, string>>, spread: Spread) {
  const { bounds, counts, sum } = spread
  const line = (ending: string, value: number, le: { le?: string }) => {
    return { metricName: `${name}${ending}`, labels: le, sharedLabels: labels, value }
  }
  let total = 0
  const buckets = [...counts].map((count, place) => {
    total += count
    return line('_bucket', total, { le: place < bounds.length ? String(bounds[place]) : '+Inf' })
  })
  return [...buckets, line('_sum', sum, {}), line('_count', total, {})]
}
