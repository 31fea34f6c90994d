import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Mutant, mutants } from './list.ts'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
const atOnce = 2
/** A break may also make its test hang, which counts as red. */
const longestMs = 90_000

type Verdict = 'passes' | 'fails' | 'is not there'

/**
 * Breaks one line of a copy at a time and runs the one test that is said to notice it; before that, each of these tests
 * must pass on an unbroken copy. Exit code 1 when a test sleeps through its break, or was red without one.
 */
async function main(): Promise<void> {
  const wanted = process.argv.slice(2)
  const chosen = mutants.filter(({ file, breaks }) => wanted.every((word) => `${file} ${breaks}`.includes(word)))
  refuseMisplaced(chosen)
  const copies = Array.from({ length: atOnce }, newCopy)
  try {
    const red = await soundness(chosen, copies)
    const survivors = await hunt(chosen, copies)
    console.log(`\n${chosen.length - survivors} of ${chosen.length} breaks turn their test red`)
    process.exitCode = survivors + red > 0 ? 1 : 0
  } finally {
    for (const copy of copies) rmSync(copy, { recursive: true })
  }
}

function newCopy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-mutant-'))
  for (const name of ['src', 'test', 'package.json', 'tsconfig.json']) {
    cpSync(join(checkout, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** How many of the named tests do not pass on the tree as it is. */
async function soundness(chosen: readonly Mutant[], copies: readonly string[]): Promise<number> {
  const files = [...new Set(chosen.map(({ test: [file] }) => file))]
  const work = files.map((file) => async (copy: string) => {
    const names = [...new Set(chosen.filter(({ test }) => test[0] === file).map(({ test }) => test[1]))]
    const output = await run(copy, file, names)
    const wrong = names.filter((name) => verdictOn(name, output) !== 'passes')
    for (const name of wrong) console.log(`UNSOUND   ${file}: "${name}" ${verdictOn(name, output)} without any break`)
    return wrong.length
  })
  return sum(await spread(work, copies))
}

/** How many breaks go unnoticed. */
async function hunt(chosen: readonly Mutant[], copies: readonly string[]): Promise<number> {
  const work = chosen.map((mutant) => async (copy: string) => {
    const [file, name] = mutant.test
    const source = broken(copy, mutant)
    const started = performance.now()
    const verdict = verdictOn(name, await run(copy, file, [name]))
    source.mend()
    const red = verdict === 'fails'
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${red ? 'killed  ' : 'SURVIVED'}  ${mutant.file}: ${mutant.breaks} (${seconds} s, ${file}: ${name})`)
    return red ? 0 : 1
  })
  return sum(await spread(work, copies))
}

/** A break that is no longer there would prove nothing, so code and list have to change together. */
function refuseMisplaced(chosen: readonly Mutant[]): void {
  const misplaced = chosen.flatMap(({ file, text, breaks }) => {
    const times = readFileSync(join(checkout, file), 'utf8').split(text).length - 1
    return times === 1 ? [] : [`${file} has ${times} times the text to break (${breaks}): ${text}`]
  })
  if (misplaced.length > 0) throw new Error(misplaced.join('\n'))
}

function broken(copy: string, { file, text, instead }: Mutant): { mend(): void } {
  const path = join(copy, file)
  const sound = readFileSync(path, 'utf8')
  writeFileSync(
    path,
    sound.replace(text, () => instead),
  )
  return { mend: () => writeFileSync(path, sound) }
}

async function run(copy: string, file: string, names: readonly string[]): Promise<string> {
  const patterns = names.map((name) => `--test-name-pattern=${name.replaceAll(/[^\w\s]/g, '.')}`)
  const args = ['--test', '--test-reporter=tap', ...patterns, join(copy, file)]
  const child = spawn(process.execPath, args, { cwd: copy, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const timer = setTimeout(() => end(child), longestMs)
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return child.signalCode === 'SIGKILL' ? `${output}\nhung` : output
}

/** With everything it started. */
function end({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

/** What the report says of the test itself; a file that cannot even be read does not count as a test that failed. */
function verdictOn(name: string, output: string): Verdict {
  const told = output.split('\n').map((line) => /^\s*(not ok|ok) \d+ - (.*)$/.exec(line))
  const found = told.find((match) => match?.[2]?.replaceAll('\\', '') === name.replaceAll('\\', ''))
  if (found) return found[1] === 'ok' ? 'passes' : 'fails'
  return output.endsWith('\nhung') ? 'fails' : 'is not there'
}

async function spread<Result>(
  work: readonly ((copy: string) => Promise<Result>)[],
  copies: readonly string[],
): Promise<Result[]> {
  const left = [...work]
  const results: Result[] = []
  const worker = async (copy: string): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) results.push(await next(copy))
  }
  await Promise.all(copies.map(worker))
  return results
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

await main()
