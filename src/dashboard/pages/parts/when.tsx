import { useTranslation } from 'react-i18next'

type Told = { readonly at: string | null | undefined; readonly none?: string; readonly exact?: boolean }

/** A time in the reader's zone, and in UTC when it is pointed at. */
export function When({ at, none = '–', exact = false }: Told) {
  const { i18n } = useTranslation()
  if (!at) return <span>{none}</span>
  return (
    <time dateTime={at} title={utc(at)} className="figure">
      {new Intl.DateTimeFormat(i18n.language, partsOf(at, exact)).format(new Date(at))}
    </time>
  )
}

/** The present year goes without saying. */
function partsOf(at: string, exact: boolean): Intl.DateTimeFormatOptions {
  const isThisYear = new Date(at).getFullYear() === new Date().getFullYear()
  return {
    ...(isThisYear ? {} : { year: 'numeric' }),
    ...{ month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' },
    ...(exact ? { second: '2-digit' } : {}),
  }
}

/** Only the clock, for steps of one call. */
export function Clock({ at }: { readonly at: string }) {
  const { i18n } = useTranslation()
  const parts = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 } as const
  return (
    <time dateTime={at} title={utc(at)} className="figure">
      {new Intl.DateTimeFormat(i18n.language, parts).format(new Date(at))}
    </time>
  )
}

function utc(at: string): string {
  return `${at.replace('T', ' ').replace('Z', '')} UTC`
}
