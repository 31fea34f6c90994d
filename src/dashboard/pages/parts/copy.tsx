import { ActionIcon, Button } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Icon } from './icons.tsx'

type Copied = { readonly text: string; readonly what: string }

/** A small button that takes a text to the clipboard; `what` names it for those who do not see where it stands. */
export function CopyIcon({ text, what }: Copied) {
  const { t } = useTranslation()
  const { copied, copy } = useCopying(text)
  const label = copied ? t('common.copied') : t('common.copyWhat', { what })
  return (
    <ActionIcon
      variant="subtle"
      color={copied ? 'teal' : 'gray'}
      size="sm"
      aria-label={label}
      title={label}
      onClick={copy}
    >
      <Icon name={copied ? 'check' : 'copy'} size={14} />
    </ActionIcon>
  )
}

export function CopyButton({ text, what }: Copied) {
  const { t } = useTranslation()
  const { copied, copy } = useCopying(text)
  return (
    <Button
      variant={copied ? 'light' : 'default'}
      color="teal"
      size="xs"
      leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />}
      aria-label={copied ? t('common.copied') : t('common.copyWhat', { what })}
      onClick={copy}
    >
      {copied ? t('common.copied') : t('common.copy')}
    </Button>
  )
}

function useCopying(text: string) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 2000)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = () => void toClipboard(text).then(setCopied)
  return { copied, copy }
}

/** Whether it worked. Without https a page has no clipboard but the old one. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copiedByHand(text)
  }
}

function copiedByHand(text: string): boolean {
  const field = document.createElement('textarea')
  field.value = text
  // Inside an open dialog, whose trap would take the focus back from anything outside.
  const place = document.activeElement?.parentElement ?? document.body
  place.append(field)
  field.select()
  const worked = document.execCommand('copy')
  field.remove()
  return worked
}
