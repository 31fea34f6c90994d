import { Box, Button, Group, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { proof } from '../api.ts'
import { refusedBy, unreached } from '../refused.ts'
import { Failure } from './failure.tsx'
import { Icon } from './icons.tsx'

type Downloads = {
  readonly month: string
  readonly onMonth: (month: string) => void
  /** Where the statement of that month is. */
  readonly path: string
}

/** The month of a statement, and two buttons that save it. */
export function MonthDownloads({ month, onMonth, path }: Downloads) {
  const { t } = useTranslation()
  const [asked, setAsked] = useState<Kind>()
  const saving = useMutation({ mutationFn: (kind: Kind) => save(path, month, kind), onMutate: setAsked })
  const button = (kind: Kind) => (
    <Button
      variant="default"
      leftSection={<Icon name="download" size={16} />}
      loading={saving.isPending && asked === kind}
      disabled={month === ''}
      onClick={() => saving.mutate(kind)}
    >
      {t(`statements.${kind}`)}
    </Button>
  )
  return (
    <>
      <Group align="flex-end" gap="sm">
        <TextInput
          type="month"
          label={t('statements.month')}
          value={month}
          max={thisMonth()}
          onChange={(event) => onMonth(event.currentTarget.value)}
        />
        {button('csv')}
        {button('json')}
      </Group>
      <Text size="xs" c="dimmed" mt="xs">
        {t('statements.utc')}
      </Text>
      {saving.error && (
        <Box mt="sm">
          <Failure error={saving.error} />
        </Box>
      )}
    </>
  )
}

type Kind = 'csv' | 'json'
const types = { csv: 'text/csv', json: 'application/json' } as const

/** Fetched and not linked to, as a link cannot say which form it wants. Throws Refused. */
async function save(path: string, month: string, kind: Kind): Promise<void> {
  const headers = { accept: types[kind], ...proof() }
  const response = await fetch(`${path}?month=${month}`, { headers }).catch(unreached)
  if (!response.ok) throw refusedBy(response.status, await response.json().catch(() => undefined))
  const link = document.createElement('a')
  link.href = URL.createObjectURL(await response.blob())
  link.download = `statement-${month}.${kind}`
  link.click()
  // Some browsers begin to read only after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

/** The present month in UTC, as statements have it. */
export function thisMonth(): string {
  return new Date().toISOString().slice(0, 7)
}
