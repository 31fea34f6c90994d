import { useQuery } from '@tanstack/react-query'
import { api, got } from '../api.ts'

/** The own account, its balance, the key one is signed in with, and what is left of every limit. */
export function useMe() {
  return useQuery({ queryKey: ['me'], queryFn: () => got(api.GET('/portal/v1/me')), refetchInterval: 10_000 })
}
