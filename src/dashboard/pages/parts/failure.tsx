import { Alert, Button, Code, Group, List, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Refused } from '../refused.ts'
import { CopyIcon } from './copy.tsx'
import { Icon } from './icons.tsx'

type Shown = { readonly error: unknown; readonly again?: () => void }

/** What went wrong in the house's own sentence, with the id it can be found by in the log. */
export function Failure({ error, again }: Shown) {
  const { t } = useTranslation()
  const told = error instanceof Refused ? error.told : undefined
  const sentence = told?.detail || t(told?.status === 0 ? 'errors.unreached' : 'errors.unexpected')
  const lines = (told?.errors ?? []).filter((line) => line !== sentence)
  return (
    <Alert color="red" variant="light" role="alert" icon={<Icon name="warning" />} title={t('errors.title')}>
      <Stack gap="xs">
        <Text size="sm">{sentence}</Text>
        {lines.length > 0 && (
          <List size="sm">
            {lines.map((line) => (
              <List.Item key={line}>{line}</List.Item>
            ))}
          </List>
        )}
        {told?.requestId && <RequestId id={told.requestId} />}
        {again && (
          <Group>
            <Button size="xs" variant="default" onClick={again}>
              {t('common.again')}
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  )
}

function RequestId({ id }: { readonly id: string }) {
  const { t } = useTranslation()
  return (
    <Group gap={6}>
      <Text size="xs">{t('errors.requestId')}</Text>
      <Code>{id}</Code>
      <CopyIcon text={id} what={id} />
    </Group>
  )
}
