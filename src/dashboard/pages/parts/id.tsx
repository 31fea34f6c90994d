import { Anchor, Group } from '@mantine/core'
import { Link } from 'react-router'
import { CopyIcon } from './copy.tsx'

type Shown = { readonly id: string; readonly to?: string; readonly whole?: boolean }

/** An id with its kind and its end, which is what tells two apart; copied whole. */
export function Id({ id, to, whole = false }: Shown) {
  const text = whole ? id : short(id)
  return (
    <Group gap={2} wrap="nowrap" display="inline-flex" className={whole ? 'id whole' : 'id'}>
      {to === undefined ? (
        <span title={id}>{text}</span>
      ) : (
        <Anchor component={Link} to={to} inherit title={id}>
          {text}
        </Anchor>
      )}
      <CopyIcon text={id} what={text} />
    </Group>
  )
}

export function short(id: string): string {
  const [kind = '', ...rest] = id.split('_')
  const tail = rest.join('_')
  return tail.length <= 12 ? id : `${kind}_…${tail.slice(-8)}`
}
