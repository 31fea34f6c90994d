import { Button, Group, NativeSelect, SimpleGrid, Stack, Text, Textarea, TextInput } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import { formats, isSeed, type PictureWish, ratios, styles } from './wish.ts'

type Form = {
  readonly wish: PictureWish
  readonly onWish: (wish: PictureWish) => void
  readonly cost: ReactNode
  readonly busy: boolean
  readonly send: () => void
}

export function WishForm({ wish, onWish, cost, busy, send }: Form) {
  const { t } = useTranslation()
  const change = (part: Partial<PictureWish>) => onWish({ ...wish, ...part })
  const isReady = wish.prompt.trim() !== '' && isSeed(wish.seed)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isReady && !busy) send()
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <Textarea
          label={t('playground.prompt')}
          description={t('playground.promptAbout')}
          placeholder={t('playground.promptExample')}
          required
          maxLength={10_000}
          rows={4}
          value={wish.prompt}
          onChange={(event) => change({ prompt: event.currentTarget.value })}
        />
        <Textarea
          label={t('playground.negative')}
          maxLength={10_000}
          rows={2}
          value={wish.negative}
          onChange={(event) => change({ negative: event.currentTarget.value })}
        />
        <SimpleGrid cols={2} spacing="sm" verticalSpacing="sm">
          <NativeSelect
            label={t('playground.ratio')}
            value={wish.ratio}
            data={[...ratios]}
            onChange={(event) => change({ ratio: event.currentTarget.value })}
          />
          <NativeSelect
            label={t('playground.style')}
            value={wish.style}
            data={[{ value: '', label: t('playground.anyStyle') }, ...styles]}
            onChange={(event) => change({ style: event.currentTarget.value })}
          />
          <TextInput
            label={t('playground.seed')}
            placeholder={t('playground.random')}
            inputMode="numeric"
            value={wish.seed}
            error={isSeed(wish.seed) ? undefined : t('playground.seedWrong')}
            onChange={(event) => change({ seed: event.currentTarget.value })}
          />
          <NativeSelect
            label={t('playground.format')}
            value={wish.format}
            data={formats.map((value) => ({ value, label: value.toUpperCase() }))}
            onChange={({ currentTarget: { value } }) =>
              change({ format: formats.find((each) => each === value) ?? 'png' })
            }
          />
        </SimpleGrid>
        <Group justify="space-between" mt="xs">
          <Text component="div" size="sm">
            {cost}
          </Text>
          <Button type="submit" loading={busy} disabled={!isReady} leftSection={<Icon name="brush" size={16} />}>
            {t('playground.make')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
