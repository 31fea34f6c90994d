/** What the rounds of a cell mean: figures by target, ratios within one round, and the goals. */
import { peerNames, type TargetName, targetNames } from './compare-targets.ts'
import type { Count } from './load.ts'
import type { Workload } from './parcels.ts'
import { type Spread, spreadOf, spreadText, tableText } from './spread.ts'

export type Cell = {
  readonly workload: Workload
  readonly inFlight: number
  /** Milliseconds between two calls; 0 is as many as go. */
  readonly paceMs: number
}

export type Measured = {
  readonly cell: Cell
  /** By round, then by target; what is void or was not measured is not there. */
  readonly rounds: readonly ReadonlyMap<TargetName, Count>[]
  /** Targets that could not be measured, and rounds that were void, with the reason. */
  readonly notes: readonly string[]
}

type Figure = (count: Count, direct: Count | undefined) => number

const figures = {
  callsPerSecond: ({ calls, seconds }) => calls / seconds,
  /** Processor seconds of the process under test for 1,000 calls, which is milliseconds for one. */
  cpu: ({ cpuSeconds, calls }) => (cpuSeconds / calls) * 1000,
  p50Over: ({ p50Ms }, direct) => p50Ms - (direct?.p50Ms ?? Number.NaN),
  p99Over: ({ p99Ms }, direct) => p99Ms - (direct?.p99Ms ?? Number.NaN),
  p99: ({ p99Ms }) => p99Ms,
  peakMb: ({ peakBytes }) => peakBytes / 1024 ** 2,
} as const satisfies Record<string, Figure>
type FigureName = keyof typeof figures

export function figureOf({ rounds }: Measured, name: FigureName, target: TargetName): Spread {
  return spreadOf(rounds.map((round) => valueIn(round, name, target)))
}

/** Each round's own ratio, so that what slows a whole round does not count. */
export function ratioOf({ rounds }: Measured, name: FigureName, target: TargetName, to: TargetName): Spread {
  return spreadOf(rounds.map((round) => valueIn(round, name, target) / valueIn(round, name, to)))
}

function valueIn(round: ReadonlyMap<TargetName, Count>, name: FigureName, target: TargetName): number {
  const count = round.get(target)
  return count ? figures[name](count, round.get('direct')) : Number.NaN
}

export function cellName({ workload: { name, about }, inFlight, paceMs }: Cell): string {
  return `${name} (${about}), ${inFlight} in flight${paceMs > 0 ? `, one every ${paceMs} ms` : ''}`
}

const head = [
  ...['target', 'calls/s', 'CPU s per 1,000 calls', 'CPU of nginx', 'CPU of @fastify/http-proxy'],
  ...['p50 over direct, ms', 'p99 over direct, ms', 'peak MB'],
]

export function cellTable(measured: Measured): string {
  const rows = targetNames
    .filter((target) => measured.rounds.some((round) => round.has(target)))
    .map((target) => rowOf(measured, target))
  return [
    `### ${cellName(measured.cell)}`,
    '',
    tableText(head, rows),
    ...measured.notes.map((note) => `\n${note}`),
  ].join('\n')
}

function rowOf(measured: Measured, target: TargetName): string[] {
  const rate = spreadText(figureOf(measured, 'callsPerSecond', target), 0)
  if (target === 'direct') return [target, rate, '-', '-', '-', ...timesOf(measured), '-']
  return [
    ...[target, rate, spreadText(figureOf(measured, 'cpu', target), 3)],
    spreadText(ratioOf(measured, 'cpu', target, 'nginx'), 2),
    spreadText(ratioOf(measured, 'cpu', target, '@fastify/http-proxy'), 2),
    ...(['p50Over', 'p99Over'] as const).map((name) => spreadText(figureOf(measured, name, target), 2)),
    spreadText(figureOf(measured, 'peakMb', target), 0),
  ]
}

/** The times themselves, which the others stand above. */
function timesOf({ rounds }: Measured): string[] {
  const all = rounds.map((round) => round.get('direct'))
  return (['p50Ms', 'p99Ms'] as const).map((name) => {
    return `itself ${spreadText(spreadOf(all.map((count) => count?.[name] ?? Number.NaN)), 2)}`
  })
}

const sqlite = 'Tollgate, SQLite'
const postgres = 'Tollgate, PostgreSQL'
const proxy = '@fastify/http-proxy'

type Goal = {
  readonly about: string
  readonly most: number
  readonly figure: FigureName
  readonly target: TargetName
  readonly to?: TargetName
  readonly cells: readonly (readonly [workload: string, inFlight: number])[]
  readonly paced?: boolean
}

const goals: readonly Goal[] = [
  cpuGoal(0.7, sqlite, proxy, ['W1', 64], ['W1', 512]),
  cpuGoal(5.5, sqlite, 'nginx', ['W1', 64], ['W1', 512]),
  cpuGoal(0.85, postgres, proxy, ['W1', 64], ['W1', 512]),
  cpuGoal(0.5, sqlite, proxy, ['W2', 1], ['W2', 64]),
  { ...cpuGoal(1.5, sqlite, 'nginx', ['W2', 1], ['W2', 64]), about: 'CPU per call, stretch' },
  cpuGoal(0.75, sqlite, proxy, ['W3', 1], ['W3', 16]),
  cpuGoal(0.12, sqlite, 'Portkey', ['W1', 64]),
  cpuGoal(0.04, sqlite, 'Portkey', ['W2', 64]),
  {
    ...{ about: 'p50 added over direct, paced', most: 1.3, figure: 'p50Over', target: sqlite, to: proxy },
    ...{ cells: [['W1', 1]], paced: true },
  },
  {
    ...{ about: 'p99', most: 1, figure: 'p99', target: sqlite, to: proxy },
    cells: [
      ['W1', 64],
      ['W2', 64],
    ],
  },
  { about: 'peak resident MB', most: 260, figure: 'peakMb', target: sqlite, cells: [['W1', 512]] },
  { about: 'peak resident MB', most: 350, figure: 'peakMb', target: sqlite, cells: [['W2', 64]] },
]

function cpuGoal(most: number, target: TargetName, to: TargetName, ...cells: Goal['cells']): Goal {
  return { about: 'CPU per call', most, figure: 'cpu', target, to, cells }
}

/** Each goal with its figure; a goal whose cell was not measured says so. */
export function goalsTable(all: readonly Measured[]): string {
  const rows = goals.flatMap((goal) => goal.cells.map(([name, inFlight]) => goalRow(goal, name, inFlight, all)))
  return tableText(['goal', 'where', 'at most', 'figure', ''], rows)
}

function goalRow(goal: Goal, workload: string, inFlight: number, all: readonly Measured[]): string[] {
  const { about, target, to, figure, most, paced = false } = goal
  const found = all.find(({ cell }) => {
    return cell.workload.name === workload && cell.inFlight === inFlight && cell.paceMs > 0 === paced
  })
  const spread = found && (to ? ratioOf(found, figure, target, to) : figureOf(found, figure, target))
  const what = `${about}, ${target}${to ? ` to ${to}` : ''}`
  const where = `${workload}, ${inFlight} in flight`
  if (!spread || Number.isNaN(spread.median)) return [what, where, String(most), '-', 'not measured']
  const digits = to ? 2 : 0
  return [what, where, String(most), spreadText(spread, digits), spread.median <= most ? 'holds' : 'does not hold']
}

/** Peers without which the figures do not count. */
export function peersNotSeen(all: readonly Measured[]): readonly TargetName[] {
  return peerNames.filter((peer) => !all.some(({ rounds }) => rounds.some((round) => round.has(peer))))
}
