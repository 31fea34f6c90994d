import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { api, got } from '../api.ts'
import { short } from '../parts/id.tsx'

/** An account by its name, as soon as it is known; until then by its id. */
export function AccountName({ id }: { readonly id: string }) {
  const { data } = useQuery({
    queryKey: ['account-name', id],
    queryFn: () => got(api.GET('/admin/v1/accounts/{id}', { params: { path: { id } } })),
    staleTime: 5 * 60_000,
    refetchOnWindowFocus: false,
  })
  return (
    <Anchor component={Link} to={`/accounts/${id}`} size="sm" className="name" title={data?.name ?? id}>
      {data?.name ? data.name : short(id)}
    </Anchor>
  )
}
