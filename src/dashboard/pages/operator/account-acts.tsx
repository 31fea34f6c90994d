import { Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, type Got, got } from '../api.ts'
import { AmountField, amountIn } from '../parts/amount-field.tsx'
import { FormDialog } from '../parts/form-dialog.tsx'
import { LimitFields } from '../parts/limit-fields.tsx'
import { isReady, limitsDraft, limitsIn } from '../parts/limits.ts'

export type TaggedAccount = { readonly body: Got<'/admin/v1/accounts/{id}'>; readonly tag: string }
export type AccountAct = 'grant' | 'change' | 'suspend' | 'resume' | 'close'

type Shown = {
  readonly account: TaggedAccount
  readonly act: AccountAct
  readonly close: () => void
  readonly done: () => Promise<unknown>
}

/** What an operator can do with an account, each after a question. */
export function AccountActs({ act, ...rest }: Shown) {
  if (act === 'grant') return <Grant {...rest} />
  if (act === 'change') return <ChangeAccount {...rest} />
  return <ChangeState act={act} {...rest} />
}

type Dialog = Omit<Shown, 'act'>

function Grant({ account, close, done }: Dialog) {
  const { t } = useTranslation()
  const [amount, setAmount] = useState('')
  const [reason, setReason] = useState('')
  // One word for this dialog: a second click, or a try after a lost answer, gives nothing twice.
  const [once] = useState(randomWord)
  const credits = amountIn(amount)
  const { id, name } = account.body
  const act = async () => {
    const body = { credits: credits ?? 0, reason: reason.trim() }
    const headers = { 'idempotency-key': once }
    await got(api.POST('/admin/v1/accounts/{id}/grants', { params: { path: { id } }, body, headers }))
    await done()
  }
  return (
    <FormDialog
      opened
      close={close}
      title={t('accounts.grantTitle', { name })}
      verb={t('accounts.grantVerb')}
      ready={credits !== undefined && credits !== 0 && reason.trim() !== ''}
      act={act}
    >
      <AmountField
        label={t('accounts.grantCredits')}
        about={t('accounts.grantAbout')}
        signed
        required
        text={amount}
        onText={setAmount}
      />
      <TextInput
        label={t('common.reason')}
        description={t('accounts.reasonAbout')}
        required
        maxLength={200}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

function ChangeAccount({ account, close, done }: Dialog) {
  const { t } = useTranslation()
  const [name, setName] = useState(account.body.name)
  const [draft, setDraft] = useState(() => limitsDraft(account.body))
  const act = async () => {
    await patch(account, { name: name.trim(), ...limitsIn(draft) })
    await done()
  }
  return (
    <FormDialog
      opened
      wide
      close={close}
      title={t('accounts.change')}
      verb={t('common.save')}
      ready={name.trim() !== '' && isReady(draft)}
      act={act}
    >
      <TextInput
        label={t('accounts.name')}
        required
        maxLength={200}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <LimitFields draft={draft} onDraft={setDraft} />
    </FormDialog>
  )
}

const states = { suspend: 'suspended', resume: 'active', close: 'closed' } as const

function ChangeState({ act, account, close, done }: Dialog & { readonly act: keyof typeof states }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const { name } = account.body
  const change = async () => {
    await patch(account, { status: states[act] })
    await done()
  }
  return (
    <FormDialog
      opened
      close={close}
      danger={act !== 'resume'}
      title={t(`accounts.${act}Title`, { name })}
      verb={t(`accounts.${act}`)}
      ready={act !== 'close' || typed.trim() === name.trim()}
      act={change}
    >
      <Text size="sm">{t(`accounts.${act}About`)}</Text>
      {act === 'close' && (
        <TextInput
          label={t('accounts.closeType')}
          description={name}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  )
}

type AccountChange = {
  readonly name?: string
  readonly status?: 'active' | 'suspended' | 'closed'
} & Partial<ReturnType<typeof limitsIn>>

// Sent with the version that was on the screen, so that nobody's change is overwritten unseen.
async function patch({ body: { id }, tag }: TaggedAccount, body: AccountChange): Promise<void> {
  await got(api.PATCH('/admin/v1/accounts/{id}', { params: { path: { id } }, body, headers: { 'if-match': tag } }))
}

function randomWord(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `dashboard-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
