import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { settings } from '../../src/config.ts'
import { checkout } from '../support/process.ts'

export function textOf(path: string): string {
  return readFileSync(join(checkout, path), 'utf8')
}

/** Milliseconds that a setting has by itself. */
export function defaultMs(name: 'queueWaitMs' | 'upstreamDeadlineMs' | 'shutdownGraceMs' | 'requestTimeoutMs'): number {
  return Number(settings[name].fallback)
}

/** The longest that a paid call may take: its turn, the upstream, and the time in which its charge must be written. */
export const longestCallMs = defaultMs('queueWaitMs') + defaultMs('upstreamDeadlineMs') + 10_000

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of a time such as `210s`. */
export function msOf(text: unknown): number {
  const [, count = '', unit = ''] = /^(\d+)(ms|s|m|h)$/.exec(String(text)) ?? []
  const each = unitsMs[unit]
  if (each === undefined) throw new Error(`no time: ${String(text)}`)
  return Number(count) * each
}

const bytes: Readonly<Record<string, number>> = { m: 2 ** 20, g: 2 ** 30, Mi: 2 ** 20, Gi: 2 ** 30, M: 2 ** 20 }

/** Bytes of a size such as `1536m` or `512Mi`. */
export function bytesOf(text: unknown): number {
  const [, count = '', unit = ''] = /^(\d+)([A-Za-z]+)$/.exec(String(text)) ?? []
  const each = bytes[unit]
  if (each === undefined) throw new Error(`no size: ${String(text)}`)
  return Number(count) * each
}

export type Instruction = {
  readonly name: string
  readonly flags: Readonly<Record<string, string>>
  readonly rest: string
}

export type Stage = { readonly name: string; readonly instructions: readonly Instruction[] }

/** The stages of the Dockerfile; lines that go on are joined, comments are gone. */
export function stagesOf(dockerfile: string): Stage[] {
  const stages: { name: string; instructions: Instruction[] }[] = []
  const lines = dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
  for (const line of lines.filter((each) => each.trim() !== '')) {
    const [, name = '', words = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
    if (name === '') throw new Error(`no instruction: ${line}`)
    if (name === 'FROM') stages.push({ name: / AS (\w+)$/.exec(words)?.[1] ?? '', instructions: [] })
    const [given = ''] = /^(--[\w-]+=\S+\s+)*/.exec(words) ?? []
    const flags = Object.fromEntries([...given.matchAll(/--([\w-]+)=(\S+)/g)].map(([, key, value]) => [key, value]))
    stages.at(-1)?.instructions.push({ name, flags, rest: words.slice(given.length) })
  }
  return stages
}

/** The instructions of one kind in a stage, without their flags. */
export function allOf(stage: Stage | undefined, name: string): string[] {
  return (stage?.instructions ?? []).filter((each) => each.name === name).map(({ rest }) => rest)
}
