import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { When } from './when.tsx'

type Shown = { readonly call: { readonly id: string; readonly created_at: string } }

/** The page of a call, by the time it was made: where the screen is narrow, its id is left out. */
export function CallLink({ call: { id, created_at: at } }: Shown) {
  return (
    <Anchor component={Link} to={`/calls/${id}`} inherit c="inherit">
      <When at={at} exact />
    </Anchor>
  )
}
