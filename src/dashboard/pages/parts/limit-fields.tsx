import { Fieldset, NativeSelect, SimpleGrid, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { AmountField } from './amount-field.tsx'
import { type LimitsDraft, periods } from './limits.ts'

type Fields = { readonly draft: LimitsDraft; readonly onDraft: (draft: LimitsDraft) => void }

/** What may be used at most; what is left empty is not bounded. */
export function LimitFields({ draft, onDraft }: Fields) {
  const { t } = useTranslation()
  const change = (part: Partial<LimitsDraft>) => onDraft({ ...draft, ...part })
  return (
    <Fieldset legend={t('limits.title')} radius="md">
      <Text size="xs" c="dimmed" mb="xs">
        {t('limits.about')}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm" verticalSpacing="sm">
        <AmountField label={t('limits.calls')} whole text={draft.calls} onText={(calls) => change({ calls })} />
        <AmountField
          label={t('limits.window')}
          whole
          unit={<Text size="xs">{t('limits.seconds')}</Text>}
          text={draft.seconds}
          onText={(seconds) => change({ seconds })}
        />
        <AmountField label={t('limits.quota')} text={draft.credits} onText={(credits) => change({ credits })} />
        <NativeSelect
          label={t('limits.period')}
          value={draft.period}
          data={periods.map((value) => ({ value, label: t(`limits.periods.${value}`) }))}
          onChange={({ currentTarget: { value } }) => {
            const period = periods.find((each) => each === value)
            if (period) change({ period })
          }}
        />
        <AmountField label={t('limits.most')} whole text={draft.most} onText={(most) => change({ most })} />
      </SimpleGrid>
    </Fieldset>
  )
}
