import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { RowOf } from './api.ts'
import { byDay } from './usage.ts'

type Row = RowOf<'/admin/v1/usage'>
export type Mode = Row['mode']

export const usageDays = 30

/** Days of live or of test calls, whichever there are; which of the two can be chosen. */
export function useUsage(scope: readonly string[], read: () => Promise<{ readonly data: readonly Row[] }>) {
  const query = useQuery({ queryKey: ['usage', ...scope], queryFn: read, refetchInterval: 60_000 })
  const [chosen, setMode] = useState<Mode>()
  const rows = query.data?.data ?? []
  const mode = chosen ?? (rows.some((row) => row.mode === 'live') || rows.length === 0 ? 'live' : 'test')
  const days = byDay(rows, mode, usageDays)
  const isMixed = rows.some((row) => row.mode === 'live') && rows.some((row) => row.mode === 'test')
  return { days, mode, setMode, isMixed, isPending: query.isPending, error: query.error, again: query.refetch }
}
