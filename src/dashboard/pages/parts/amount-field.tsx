import { TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

type Field = {
  readonly label: string
  readonly text: string
  readonly onText: (text: string) => void
  readonly about?: string
  readonly unit?: ReactNode
  readonly whole?: boolean
  readonly signed?: boolean
  readonly required?: boolean
}

/** A number as it is typed; whether it is one is said at once, and what it may be is the house's business. */
export function AmountField({ label, text, onText, about, unit, whole = false, signed, required }: Field) {
  const { t } = useTranslation()
  const isWrong = text.trim() !== '' && amountIn(text, whole) === undefined
  return (
    <TextInput
      label={label}
      description={about}
      inputMode={signed ? 'text' : whole ? 'numeric' : 'decimal'}
      autoComplete="off"
      value={text}
      required={required}
      rightSection={unit}
      rightSectionWidth={unit ? 72 : undefined}
      rightSectionPointerEvents="none"
      error={isWrong ? t(whole ? 'errors.whole' : 'errors.number') : undefined}
      onChange={(event) => onText(event.currentTarget.value)}
      classNames={{ input: 'figure' }}
    />
  )
}

/** The number of a text, or undefined for what is none. Six decimals are all a credit has. */
export function amountIn(text: string, whole = false): number | undefined {
  const isOne = (whole ? /^\d{1,15}$/ : /^[-+]?(\d{1,12}(\.\d{0,6})?|\.\d{1,6})$/).test(text.trim())
  return isOne ? Number(text) : undefined
}
