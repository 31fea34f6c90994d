import { Anchor, Box, Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Brand } from './parts/brand.tsx'
import { Failure } from './parts/failure.tsx'
import { LanguageMenu, SchemeButton } from './preferences.tsx'
import { useSigning } from './session.tsx'

/** One field for both kinds of key: which pages open is the key's business. */
export function SignIn() {
  const { t } = useTranslation()
  const { signIn } = useSigning()
  const [secret, setSecret] = useState('')
  const signing = useMutation({ mutationFn: signIn })
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (secret.trim() !== '') signing.mutate(secret.trim())
  }
  return (
    <Box className="door">
      <title>{`${t('signIn.title')} · Tollgate`}</title>
      <Group justify="flex-end" p="sm" gap={4} component="header">
        <LanguageMenu />
        <SchemeButton />
      </Group>
      <Center component="main" px="md" pt="8vh" pb="xl">
        <Stack w="100%" maw={420} gap="lg">
          <Stack gap={6} align="center">
            <Brand size={40} />
            <Title order={1} ta="center">
              {t('signIn.title')}
            </Title>
            <Text c="dimmed" size="sm" ta="center">
              {t('signIn.about')}
            </Text>
          </Stack>
          <Paper withBorder p="lg" className="panel">
            <form onSubmit={send}>
              <Stack>
                <PasswordInput
                  label={t('signIn.key')}
                  description={t('signIn.keyAbout')}
                  placeholder="tg_…"
                  autoComplete="off"
                  spellCheck={false}
                  value={secret}
                  onChange={(event) => setSecret(event.currentTarget.value)}
                  visibilityToggleButtonProps={{ 'aria-label': t('signIn.show'), tabIndex: 0 }}
                  data-autofocus
                  autoFocus
                />
                {signing.error && <Failure error={signing.error} />}
                <Button type="submit" fullWidth loading={signing.isPending} disabled={secret.trim() === ''}>
                  {t('signIn.enter')}
                </Button>
              </Stack>
            </form>
          </Paper>
          <Text size="xs" c="dimmed" ta="center">
            {t('signIn.safe')}{' '}
            <Anchor href="/docs/" inherit underline="always">
              {t('nav.docs')}
            </Anchor>
          </Text>
        </Stack>
      </Center>
    </Box>
  )
}
