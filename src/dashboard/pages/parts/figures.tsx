import { useTranslation } from 'react-i18next'

type Digits = { readonly value: number }

/** An amount of credits as the API gave it, up to its six decimals. */
export function Credits({ value }: Digits) {
  return <Figure value={value} most={6} />
}

export function Count({ value }: Digits) {
  return <Figure value={value} most={0} />
}

function Figure({ value, most }: Digits & { readonly most: number }) {
  const { i18n } = useTranslation()
  const format = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: most })
  return <span className="figure">{format.format(value)}</span>
}

/** What was given, or taken: with its sign. */
export function Change({ value }: Digits) {
  const { i18n } = useTranslation()
  const format = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 6, signDisplay: 'exceptZero' })
  return (
    <span className="figure" data-tone={value > 0 ? 'gain' : undefined}>
      {format.format(value)}
    </span>
  )
}

/** A part of one; a dash when there is no whole. */
export function Ratio({ of, part }: { readonly of: number; readonly part: number }) {
  const { i18n } = useTranslation()
  if (of === 0) return <span className="figure">–</span>
  const format = new Intl.NumberFormat(i18n.language, { style: 'percent', maximumFractionDigits: 1 })
  return <span className="figure">{format.format(part / of)}</span>
}

export function Milliseconds({ value }: { readonly value: number | null }) {
  const { i18n } = useTranslation()
  if (value === null) return <span className="figure">–</span>
  const isLong = value >= 1000
  const format = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: isLong ? 1 : 0 })
  return <span className="figure">{isLong ? `${format.format(value / 1000)} s` : `${format.format(value)} ms`}</span>
}

export function Bytes({ value }: { readonly value: number | null }) {
  const { i18n } = useTranslation()
  if (value === null) return <span className="figure">–</span>
  const units = ['B', 'KiB', 'MiB'] as const
  const step = value >= 1024 * 1024 ? 2 : value >= 1024 ? 1 : 0
  const format = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: step === 0 ? 0 : 1 })
  return <span className="figure">{`${format.format(value / 1024 ** step)} ${units[step]}`}</span>
}
