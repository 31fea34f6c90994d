/** Preloaded into a house: its wall clock is wrong by as many milliseconds as the file says, read again on SIGUSR2. */
import { readFileSync } from 'node:fs'

const file = process.env['MOVED_CLOCK'] ?? ''
const real = Date.now.bind(Date)
let movedMs = 0

Date.now = () => real() + movedMs
globalThis.Date = new Proxy(Date, {
  construct: (date, args, made) => Reflect.construct(date, args.length === 0 ? [date.now()] : args, made),
})
process.on('SIGUSR2', () => {
  movedMs = Number(readFileSync(file, 'utf8'))
  process.stdout.write(`the clock is moved by ${movedMs}\n`)
})
