import { Checkbox, Fieldset, Group, Radio, SimpleGrid, Stack, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { type KeyDraft, rightsKnown } from './key-draft.ts'
import { LimitFields } from './limit-fields.tsx'

type Fields = {
  readonly draft: KeyDraft
  readonly onDraft: (draft: KeyDraft) => void
  /** Offers it can be bound to, where they are known. */
  readonly offers?: readonly string[]
  /** The mode of a key never changes. */
  readonly made?: boolean
}

export function KeyFields({ draft, onDraft, offers = [], made = false }: Fields) {
  const { t } = useTranslation()
  const change = (part: Partial<KeyDraft>) => onDraft({ ...draft, ...part })
  return (
    <Stack gap="sm">
      <TextInput
        label={t('keys.name')}
        description={t('keys.nameAbout')}
        required
        maxLength={200}
        data-autofocus
        value={draft.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
      />
      {!made && <Mode draft={draft} onDraft={onDraft} />}
      <LimitFields draft={draft} onDraft={change} />
      <Fieldset legend={t('keys.may')} radius="md">
        <Stack gap="sm">
          <Checkbox.Group
            label={t('keys.rights')}
            value={[...draft.rights]}
            onChange={(names) => change({ rights: rightsKnown.filter((right) => names.includes(right)) })}
          >
            <Group mt={6}>
              {rightsKnown.map((right) => (
                <Checkbox key={right} value={right} label={t(`keys.right.${right}`)} />
              ))}
            </Group>
          </Checkbox.Group>
          {offers.length > 0 && (
            <Checkbox.Group
              label={t('keys.offers')}
              description={t('keys.offersAbout')}
              value={[...draft.offers]}
              onChange={(ids) => change({ offers: ids })}
            >
              <Group mt={6}>
                {offers.map((id) => (
                  <Checkbox key={id} value={id} label={id} />
                ))}
              </Group>
            </Checkbox.Group>
          )}
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <TextInput
              label={t('keys.ips')}
              description={t('keys.ipsAbout')}
              placeholder="10.0.0.0/8"
              value={draft.ips}
              onChange={(event) => change({ ips: event.currentTarget.value })}
            />
            <TextInput
              type="datetime-local"
              label={t('keys.expires')}
              description={t('keys.expiresAbout')}
              value={draft.expires}
              onChange={(event) => change({ expires: event.currentTarget.value })}
            />
          </SimpleGrid>
        </Stack>
      </Fieldset>
    </Stack>
  )
}

function Mode({ draft, onDraft }: Fields) {
  const { t } = useTranslation()
  return (
    <Radio.Group
      label={t('keys.mode')}
      value={draft.mode}
      onChange={(mode) => onDraft({ ...draft, mode: mode === 'test' ? 'test' : 'live' })}
    >
      <Group mt={6}>
        <Radio value="live" label={t('keys.live')} />
        <Radio value="test" label={t('keys.test')} />
      </Group>
    </Radio.Group>
  )
}
