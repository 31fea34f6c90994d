import { useQuery } from '@tanstack/react-query'
import { api, got } from '../api.ts'

export function useTokens() {
  return useQuery({ queryKey: ['tokens'], queryFn: () => got(api.GET('/admin/v1/tokens')), refetchInterval: 10_000 })
}
