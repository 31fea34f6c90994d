import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { CopyButton } from './copy.tsx'
import { Icon } from './icons.tsx'

type Shown = { readonly secret: string | undefined; readonly title: string; readonly close: () => void }

/** A secret that nobody can look up again, so the dialog is left only by saying so. */
export function SecretOnce({ secret, title, close }: Shown) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={secret !== undefined}
      onClose={close}
      title={title}
      centered
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <Stack>
        <Alert color="yellow" variant="light" icon={<Icon name="warning" />}>
          <Text size="sm">{t('secret.once')}</Text>
        </Alert>
        <Code block className="secret" aria-label={t('secret.label')}>
          {secret}
        </Code>
        <Group justify="space-between">
          <CopyButton text={secret ?? ''} what={t('secret.label')} />
          <Button onClick={close}>{t('secret.stored')}</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
