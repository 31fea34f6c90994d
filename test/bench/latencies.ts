const perDoubling = 64
const doublings = 26

/** Counts durations in fixed buckets, 64 for each doubling, so a quantile is told within 1.6 % and nothing grows. */
export class Latencies {
  readonly #counts = new Uint32Array(perDoubling * doublings)
  #total = 0

  /** In milliseconds, kept to a microsecond. */
  record(ms: number): void {
    const us = Math.round(ms * 1000)
    const bucket = us < perDoubling ? us : bucketOf(us)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#total++
  }

  get count(): number {
    return this.#total
  }

  /** The milliseconds below which that part of all lies; NaN when nothing was recorded. */
  quantileMs(part: number): number {
    let left = Math.ceil(part * this.#total)
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count
      if (left <= 0 && this.#total > 0) return middleOf(bucket) / 1000
    }
    return Number.NaN
  }
}

function bucketOf(us: number): number {
  const shift = 31 - Math.clz32(us) - 6
  return Math.min((shift + 1) * perDoubling + ((us >>> shift) - perDoubling), perDoubling * doublings - 1)
}

function middleOf(bucket: number): number {
  if (bucket < perDoubling) return bucket
  const shift = Math.floor(bucket / perDoubling) - 1
  return ((bucket % perDoubling) + perDoubling + 0.5) * 2 ** shift
}
