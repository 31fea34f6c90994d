import type { Row } from './stand-in-answer.ts'
import { contentModes } from './stand-in-contents.ts'
import { framingModes } from './stand-in-framing.ts'
import type { Line } from './stand-in-line.ts'
import { acceptModes, silenceModes } from './stand-in-silence.ts'
import { status, statusModes } from './stand-in-statuses.ts'

const rows = { ...silenceModes, ...framingModes, ...statusModes, ...contentModes }

type ModeName = keyof typeof rows | keyof typeof acceptModes | `status-${number}`
/** A name from the tables, or `status-<n>`; behind a colon its argument, such as `slow-headers:3000` (milliseconds). */
export type Mode = ModeName | `${ModeName}:${string}`

const byName = new Map<string, Row>(Object.entries(rows))
const onAccept = new Map<string, (line: Line) => void>(Object.entries(acceptModes))

/** Every name there is, without `status-<n>`. */
export const modeNames: readonly string[] = [...onAccept.keys(), ...byName.keys()]

/** What a mode does when a connection arrives; most do nothing yet. */
export function acceptActOf(mode: string): ((line: Line) => void) | undefined {
  return onAccept.get(mode)
}

/** Throws for a name nobody knows: a misspelt fault must not pass as a good answer. */
export function rowOf(mode: string): { row: Row; argument: string } {
  const [name = '', ...rest] = mode.split(':')
  const argument = rest.join(':')
  const late = onAccept.get(name)
  const row = byName.get(name) ?? (late && { generated: false, act: late }) ?? numbered(name)
  if (!row) throw new Error(`The stand-in has no mode ${mode}.`)
  return { row, argument }
}

/** The mode that a prompt asks for with `mode:<name>`. */
export function modeIn(prompt: string): string | undefined {
  return /mode:([a-z0-9.-]*[a-z0-9](?::\S+)?)/.exec(prompt)?.[1]
}

function numbered(name: string): Row | undefined {
  const code = /^status-(\d{3})$/.exec(name)?.[1]
  return code === undefined ? undefined : status(Number(code))
}
