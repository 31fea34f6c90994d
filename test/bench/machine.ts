/** What a process costs, as the kernel tells it (proc(5)), and which cores it may use. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'

const ticksPerSecond = Number(asked('getconf', 'CLK_TCK') ?? 100)

function asked(command: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

/** The process and everything it has started. */
export function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  })
  return [pid, ...children.flatMap(familyOf)]
}

/** Processor seconds spent so far by all threads of these processes, and by children of theirs that have ended. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) / ticksPerSecond
}

function ticksOf(pid: number): number {
  // The name of the program stands in brackets and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

/** From now on the peak is measured anew, beginning with what is resident now. */
export function forgetPeak(pids: readonly number[]): void {
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

export function peakBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + statusBytes(pid, 'VmHWM'), 0)
}

export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

function statusBytes(pid: number, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? Number.NaN) * 1024
}

export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** 0 for a file that is not there. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

export type Cores = {
  /** For the load, the stand-in and the database. */
  readonly load: number
  /** For the process under test. */
  readonly tested: number
}

/** Two cores of those this process may use; undefined where there is one only, or nothing that could bind to them. */
export function coresToPin(): Cores | undefined {
  if (!asked('taskset', '--version')) return undefined
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const [load, tested] = list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  return load === undefined || tested === undefined ? undefined : { load, tested }
}

/** Binds this process with all its threads, and thereby everything it starts from now on. */
export function pinSelf(core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)], { stdio: 'ignore' })
}

/** The command that runs another one on that core only. */
export function pinned(core: number | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ['taskset', '-c', String(core), ...command]
}

export function machineFacts(): string {
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GB`
  const model = cpus()[0]?.model ?? 'unknown'
  return `${availableParallelism()} cores (${model}), ${memory}, Linux ${release()}, Node ${process.versions.node}`
}
