import { Stack, Text, ThemeIcon } from '@mantine/core'
import type { ReactNode } from 'react'
import { Icon, type IconName } from './icons.tsx'

type Shown = {
  readonly title: string
  readonly hint: string
  readonly icon?: IconName
  readonly children?: ReactNode
}

/** A place where something will stand, and what to do so that it does. */
export function Empty({ title, hint, icon = 'empty', children }: Shown) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md">
      <ThemeIcon variant="light" color="gray" size={48} radius="xl">
        <Icon name={icon} size={24} />
      </ThemeIcon>
      <Text fw={600}>{title}</Text>
      <Text size="sm" c="dimmed" ta="center" maw={420}>
        {hint}
      </Text>
      {children}
    </Stack>
  )
}
