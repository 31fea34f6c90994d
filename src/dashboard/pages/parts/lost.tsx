import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { Empty } from './empty.tsx'
import { PageHead } from './page-head.tsx'

/** For an address that no page has. */
export function Lost() {
  const { t } = useTranslation()
  return (
    <>
      <PageHead title={t('lost.title')} />
      <Empty title={t('lost.empty')} hint={t('lost.hint')}>
        <Button component={Link} to="/" variant="default" size="xs" mt="xs">
          {t('lost.home')}
        </Button>
      </Empty>
    </>
  )
}
