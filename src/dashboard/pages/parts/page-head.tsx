import { Anchor, Box, Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

type Head = {
  readonly title: string
  readonly about?: ReactNode
  readonly up?: { readonly to: string; readonly name: string }
  readonly beside?: ReactNode
  readonly children?: ReactNode
}

/** The name of a page, where it belongs, and what can be done on it. */
export function PageHead({ title, about, up, beside, children }: Head) {
  return (
    <Box mb="lg">
      <title>{`${title} · Tollgate`}</title>
      {up && (
        <Anchor component={Link} to={up.to} size="sm" mb={4} display="inline-block">
          ← {up.name}
        </Anchor>
      )}
      <Group justify="space-between" align="flex-start" gap="sm">
        <Box miw={0} flex="1 1 240px">
          <Group gap="sm" align="center">
            <Title order={1} className="breaking">
              {title}
            </Title>
            {beside}
          </Group>
          {about && (
            <Text component="div" size="sm" c="dimmed" mt={4} maw={720}>
              {about}
            </Text>
          )}
        </Box>
        {children && <Group gap="xs">{children}</Group>}
      </Group>
    </Box>
  )
}
