import { Box, Group, Paper, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'

type Part = {
  readonly title: string
  readonly beside?: ReactNode
  readonly flush?: boolean
  readonly children: ReactNode
}

/** A part of a page with a name of its own; `flush` lets a table reach its edges. */
export function Panel({ title, beside, flush = false, children }: Part) {
  const id = useId()
  return (
    <Paper component="section" withBorder aria-labelledby={id} className="panel">
      <Group justify="space-between" px="md" pt="md" pb={flush ? 'sm' : 0} gap="xs">
        <Title order={2} id={id}>
          {title}
        </Title>
        {beside}
      </Group>
      <Box p={flush ? 0 : 'md'}>{children}</Box>
    </Paper>
  )
}
