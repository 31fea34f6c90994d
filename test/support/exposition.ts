/** A scrape read back: every sample by its name and labels, and what the comments say of each metric. */
export type Exposition = {
  readonly types: ReadonlyMap<string, string>
  readonly helps: ReadonlyMap<string, string>
  readonly samples: readonly Sample[]
  /** The sum of the samples that have that name and at least those labels; undefined when there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined
}

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Reads the Prometheus text format, version 0.0.4. Throws for a line it cannot read. */
export function readExposition(text: string): Exposition {
  const types = new Map<string, string>()
  const helps = new Map<string, string>()
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    const [, word = '', name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (word === 'TYPE') types.set(name, rest)
    else if (word === 'HELP') helps.set(name, rest)
    else if (line !== '') samples.push(sampleOf(line))
  }

  function value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const wanted = Object.entries(labels)
    const found = samples.filter(
      (each) => each.name === name && wanted.every(([key, word]) => each.labels[key] === word),
    )
    return found.length === 0 ? undefined : found.reduce((sum, each) => sum + each.value, 0)
  }

  return { types, helps, samples, value }
}

function sampleOf(line: string): Sample {
  const [, name, labels = '', number] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  if (name === undefined) throw new Error(`not a sample: ${line}`)
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', word = '']) => [key, word])
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : number === 'Nan' ? Number.NaN : Number(number)
  return { name, labels: Object.fromEntries(pairs), value }
}
