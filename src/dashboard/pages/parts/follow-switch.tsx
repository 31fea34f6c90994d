import { Switch } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Whether the newest page of calls is asked for again and again. */
export function FollowSwitch({ followed, follow }: { readonly followed: boolean; follow(wanted: boolean): void }) {
  const { t } = useTranslation()
  return (
    <Switch
      label={t('calls.follow')}
      description={t('calls.followAbout')}
      checked={followed}
      onChange={(event) => follow(event.currentTarget.checked)}
    />
  )
}
