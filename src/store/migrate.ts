import { readdirSync, readFileSync } from 'node:fs'
import type { Store } from './store.ts'

export type Migration = { readonly number: number; readonly name: string; readonly sql: string }

const folder = new URL('./migrations/', import.meta.url)
const shape = /^(\d{4})-([a-z-]+)(?:\.(sqlite|postgres))?\.sql$/

/** Every migration a database of that dialect needs, in order. Throws on a gap: a lost file must not go unnoticed. */
export function migrationsFor(dialect: Store['dialect']): readonly Migration[] {
  const numbers = new Set<number>()
  const all = readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, number, name, only] = shape.exec(file) ?? []
      if (!number || !name) throw new Error(`not a migration: ${file}`)
      numbers.add(Number(number))
      if (only && only !== dialect) return []
      return [{ number: Number(number), name, sql: spoken(readFileSync(new URL(file, folder), 'utf8'), dialect) }]
    })
  // One number may be left to the other dialect, but none to nobody.
  for (let number = 1; number <= numbers.size; number++) {
    if (!numbers.has(number)) throw new Error(`migration ${number} is missing`)
  }
  return all
}

function spoken(sql: string, dialect: Store['dialect']): string {
  if (dialect === 'postgres') return sql
  return sql.replaceAll(/\bBIGINT\b/g, 'INTEGER').replaceAll(/\/\*sqlite: ([^*]*)\*\//g, '$1')
}
