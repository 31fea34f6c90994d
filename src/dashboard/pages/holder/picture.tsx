import { Alert, Anchor, Button, Center, Group, Loader, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { Empty } from '../parts/empty.tsx'
import { Facts } from '../parts/facts.tsx'
import { Failure } from '../parts/failure.tsx'
import { Credits } from '../parts/figures.tsx'
import { Icon } from '../parts/icons.tsx'
import { short } from '../parts/id.tsx'
import type { Made } from './make-picture.ts'

type Shown = { readonly made: Made | undefined; readonly isPending: boolean; readonly error: unknown }

/** What was made and what it cost; or that it is being made, or why it was not. */
export function Picture({ made, isPending, error }: Shown) {
  const { t } = useTranslation()
  if (isPending) {
    return (
      <Center mih={280} role="status">
        <Stack align="center" gap="xs">
          <Loader type="dots" />
          <Text size="sm" c="dimmed">
            {t('playground.working')}
          </Text>
        </Stack>
      </Center>
    )
  }
  if (error) return <Failure error={error} />
  if (!made) return <Empty icon="brush" title={t('playground.empty')} hint={t('playground.emptyHint')} />
  return (
    <Stack gap="sm">
      {made.isFiltered && (
        <Alert color="yellow" variant="light" icon={<Icon name="warning" />}>
          {t('playground.filtered')}
        </Alert>
      )}
      <img src={made.address} alt={made.prompt} className="picture" />
      <Facts
        facts={[
          [t('calls.charged'), <Credits key="charged" value={Number(made.charged)} />],
          [t('balance.available'), <Credits key="available" value={Number(made.available)} />],
          [t('playground.seed'), made.seed],
          [
            t('calls.one'),
            <Anchor key="call" component={Link} to={`/calls/${made.call}`} inherit>
              {short(made.call)}
            </Anchor>,
          ],
        ]}
      />
      <Group justify="flex-end">
        <Button
          component="a"
          href={made.address}
          download={made.file}
          variant="default"
          size="xs"
          leftSection={<Icon name="download" size={14} />}
        >
          {t('playground.save')}
        </Button>
      </Group>
    </Stack>
  )
}
