import { Group, Paper, Skeleton, Text } from '@mantine/core'
import type { ReactNode } from 'react'

type Told = {
  readonly label: string
  readonly value: ReactNode
  readonly note?: ReactNode
  readonly beside?: ReactNode
  readonly loading?: boolean
}

/** One figure that matters, large, with what it means above and what to compare it with below. */
export function Stat({ label, value, note, beside, loading = false }: Told) {
  return (
    <Paper withBorder p="md" className="panel" role="group" aria-label={label}>
      <Group justify="space-between" gap={4} wrap="nowrap" align="flex-start">
        <Text size="sm" c="dimmed">
          {label}
        </Text>
        {beside}
      </Group>
      {loading ? (
        <Skeleton height={28} width="60%" mt={6} />
      ) : (
        <Text component="div" className="stat" mt={2}>
          {value}
        </Text>
      )}
      {note && !loading && (
        <Text component="div" size="xs" c="dimmed" mt={2}>
          {note}
        </Text>
      )}
    </Paper>
  )
}
