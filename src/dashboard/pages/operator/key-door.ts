import { useQuery } from '@tanstack/react-query'
import { api, got, gotTagged } from '../api.ts'
import type { KeyDoor } from '../parts/key-acts.tsx'

/** Keys as an operator handles them; made only where the account is known. */
export function operatorsKeyDoor(accountId?: string): KeyDoor {
  const at = (id: string) => ({ params: { path: { id } } })
  return {
    ...(accountId === undefined
      ? {}
      : { make: (body) => got(api.POST('/admin/v1/accounts/{id}/keys', { ...at(accountId), body })) }),
    edit: async ({ id }, body) => {
      const { tag } = await gotTagged(api.GET('/admin/v1/keys/{id}', at(id)))
      return got(api.PATCH('/admin/v1/keys/{id}', { ...at(id), body, headers: { 'if-match': tag } }))
    },
    rotate: ({ id }, grace) =>
      got(api.POST('/admin/v1/keys/{id}/rotate', { ...at(id), body: { grace_seconds: grace } })),
    revoke: ({ id }) => got(api.POST('/admin/v1/keys/{id}/revoke', at(id))),
  }
}

/** The ids of what is for sale. */
export function useOfferIds(): readonly string[] {
  const { data } = useQuery({
    queryKey: ['offers'],
    queryFn: () => got(api.GET('/admin/v1/offers')),
    staleTime: 60_000,
  })
  return data?.data.map(({ id }) => id) ?? []
}
