import { NativeSelect, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { FormDialog } from './form-dialog.tsx'
import { changeOf, isKey, type KeyDraft, keyDraft, wishOf } from './key-draft.ts'
import { KeyFields } from './key-fields.tsx'
import type { Key, KeyAct } from './keys-table.tsx'
import type { KeyWish } from './limits.ts'
import { SecretOnce } from './secret-once.tsx'

type Secret = { readonly secret: string }

/** How a door does it; what it lacks cannot be done there. */
export type KeyDoor = {
  readonly make?: (wish: KeyWish) => Promise<Secret>
  readonly edit?: (key: Key, change: ReturnType<typeof changeOf>) => Promise<unknown>
  readonly rotate: (key: Key, graceSeconds: number) => Promise<Secret>
  readonly revoke: (key: Key) => Promise<unknown>
}

type Shown = {
  readonly door: KeyDoor
  readonly offers?: readonly string[]
  /** What was chosen: to make one, or something to do with one. */
  readonly chosen: 'make' | { readonly act: KeyAct; readonly key: Key } | undefined
  readonly close: () => void
}

/** The dialogs of keys: each asks before it ends or makes something, and shows a new secret once. */
export function KeyActs({ door, offers, chosen, close }: Shown) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [secret, setSecret] = useState<string>()
  const act = chosen === undefined || chosen === 'make' ? undefined : chosen.act
  const key = chosen === undefined || chosen === 'make' ? undefined : chosen.key
  const fresh = () => queries.invalidateQueries({ queryKey: ['keys'] })
  const shown = async (made: Promise<Secret>) => {
    setSecret((await made).secret)
    await fresh()
  }
  const { make, edit } = door
  return (
    <>
      {chosen === 'make' && make && <Make make={(wish) => shown(make(wish))} offers={offers} close={close} />}
      {act === 'edit' && key && edit && (
        <Edit of={key} edit={(change) => edit(key, change).then(fresh)} offers={offers} close={close} />
      )}
      {act === 'rotate' && key && <Rotate of={key} rotate={(grace) => shown(door.rotate(key, grace))} close={close} />}
      {act === 'revoke' && key && (
        <FormDialog
          opened
          close={close}
          danger
          title={t('keys.revokeTitle', { name: key.name })}
          verb={t('keys.acts.revoke')}
          act={() => door.revoke(key).then(fresh)}
        >
          <Text size="sm">{t('keys.revokeAbout')}</Text>
        </FormDialog>
      )}
      <SecretOnce secret={secret} title={t('keys.secretTitle')} close={() => setSecret(undefined)} />
    </>
  )
}

type Closing = { readonly close: () => void }

type Making = Closing & { readonly make: (wish: KeyWish) => Promise<unknown>; readonly offers?: readonly string[] }

function Make({ make, offers, close }: Making) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState<KeyDraft>(() => keyDraft())
  return (
    <FormDialog
      opened
      wide
      close={close}
      title={t('keys.make')}
      verb={t('keys.makeVerb')}
      ready={isKey(draft)}
      act={() => make(wishOf(draft))}
    >
      <KeyFields draft={draft} onDraft={setDraft} offers={offers} />
    </FormDialog>
  )
}

type Editing = Closing & {
  readonly of: Key
  readonly edit: (change: ReturnType<typeof changeOf>) => Promise<unknown>
  readonly offers?: readonly string[]
}

function Edit({ of: key, edit, offers, close }: Editing) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState<KeyDraft>(() => keyDraft(key))
  return (
    <FormDialog
      opened
      wide
      close={close}
      title={t('keys.editTitle', { name: key.name })}
      verb={t('common.save')}
      ready={isKey(draft)}
      act={() => edit(changeOf(draft))}
    >
      <KeyFields draft={draft} onDraft={setDraft} offers={offers} made />
    </FormDialog>
  )
}

const graces = ['0', '3600', '86400', '604800'] as const

type Rotating = Closing & { readonly of: Key; readonly rotate: (graceSeconds: number) => Promise<unknown> }

function Rotate({ of: key, rotate, close }: Rotating) {
  const { t } = useTranslation()
  const [grace, setGrace] = useState<string>('3600')
  return (
    <FormDialog
      opened
      close={close}
      title={t('keys.rotateTitle', { name: key.name })}
      verb={t('keys.acts.rotate')}
      act={() => rotate(Number(grace))}
    >
      <Text size="sm">{t('keys.rotateAbout')}</Text>
      <NativeSelect
        label={t('keys.grace')}
        value={grace}
        data={graces.map((value) => ({ value, label: t(`keys.graces.${value}`) }))}
        onChange={(event) => setGrace(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
