import { books, unhurriedMs } from '../../src/ledger/statement.ts'
import { sumDay } from '../../src/ledger/usage-days.ts'
import { type Database, openStore } from '../../src/store/open.ts'
import { type Filled, fill, type Size } from './scale-fill.ts'
import { openSink } from './scale-sink.ts'

/** A migrated store, filled, its days added up and its books proved; answers who is in it. */
export async function filled(database: Database, size: Size, tell: (line: string) => void): Promise<Filled> {
  await (await openStore(database)).close()
  const began = performance.now()
  const sink = await openSink(database)
  const found = await fill(sink, size)
  await sink.close()
  tell(`${size.calls} calls and ${size.accounts} accounts in ${seconds(began)} s`)
  const store = await openStore(database)
  const summing = performance.now()
  while (await sumDay(store, Date.now()));
  tell(`days added up in ${seconds(summing)} s`)
  const { balanced, faults } = await books(store, unhurriedMs)
  if (!balanced) throw new Error(`the books do not balance: ${faults}`)
  await store.close()
  return found
}

function seconds(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1)
}
