import { Button, Group, Modal, Stack } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from './failure.tsx'

type Form = {
  readonly opened: boolean
  readonly close: () => void
  readonly title: string
  readonly verb: string
  readonly danger?: boolean
  readonly ready?: boolean
  readonly wide?: boolean
  readonly act: () => Promise<unknown>
  readonly children: ReactNode
}

/** Fields to fill in and one button that sends them; stays open and says why when the house refuses. */
export function FormDialog({ opened, close, title, verb, danger, ready = true, wide = false, act, children }: Form) {
  const { t } = useTranslation()
  useReturningFocus()
  const sending = useMutation({ mutationFn: act, onSuccess: close })
  const leave = () => {
    sending.reset()
    close()
  }
  const send = (event: FormEvent) => {
    event.preventDefault()
    if (ready && !sending.isPending) sending.mutate()
  }
  const size = wide ? 'lg' : 'md'
  return (
    <Modal
      opened={opened}
      onClose={leave}
      title={title}
      size={size}
      centered
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={send} noValidate>
        <Stack gap="sm">
          {children}
          {sending.error && <Failure error={sending.error} />}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button variant="default" onClick={leave}>
              {t('common.cancel')}
            </Button>
            <Button type="submit" color={danger ? 'red' : undefined} loading={sending.isPending} disabled={!ready}>
              {verb}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** A dialog that is taken away as a whole has no moment of closing in which it could give the focus back itself. */
function useReturningFocus(): void {
  useEffect(() => {
    const before = document.activeElement
    return () => {
      if (before instanceof HTMLElement) requestAnimationFrame(() => before.focus())
    }
  }, [])
}
