import { ActionIcon, AppShell, Box, Burger, Group, NavLink, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation, useNavigate } from 'react-router'
import { Brand } from './parts/brand.tsx'
import { Icon, type IconName } from './parts/icons.tsx'
import { StateBadge } from './parts/state-badge.tsx'
import { LanguageMenu, SchemeButton } from './preferences.tsx'
import { useCurrent, useSigning } from './session.tsx'

const places = {
  operator: [
    [
      ['/', 'overview', 'gauge'],
      ['/accounts', 'accounts', 'people'],
      ['/keys', 'keys', 'key'],
      ['/calls', 'calls', 'calls'],
    ],
    [
      ['/offers', 'offers', 'tag'],
      ['/tokens', 'tokens', 'coin'],
      ['/webhooks', 'webhooks', 'bolt'],
    ],
    [
      ['/audit', 'audit', 'list'],
      ['/operators', 'operators', 'shield'],
      ['/settings', 'settings', 'sliders'],
    ],
  ],
  holder: [
    [
      ['/', 'home', 'gauge'],
      ['/playground', 'playground', 'brush'],
      ['/calls', 'calls', 'calls'],
      ['/statements', 'statements', 'file'],
      ['/keys', 'keys', 'key'],
    ],
  ],
} as const satisfies Record<string, readonly (readonly (readonly [string, string, IconName])[])[]>

/** What stands around every page: where one can go, who one is, and the way out. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation()
  const [opened, { toggle, close }] = useDisclosure()
  const { pathname } = useLocation()
  // biome-ignore lint/correctness/useExhaustiveDependencies: a page was chosen, so the menu has done its work.
  useEffect(close, [pathname, close])
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 228, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', sm: 'xl' }}
    >
      <a href="#content" className="skip">
        {t('nav.skip')}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={t(opened ? 'nav.close' : 'nav.open')}
              aria-expanded={opened}
            />
            <Brand />
            <Text fw={700}>Tollgate</Text>
          </Group>
          <Group gap={4} wrap="nowrap">
            <Who />
            <LanguageMenu />
            <SchemeButton />
            <Leave />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={t('nav.pages')}>
        <Places />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Box maw={1240} mx="auto">
          {children}
        </Box>
      </AppShell.Main>
    </AppShell>
  )
}

function Places() {
  const { t } = useTranslation()
  const { kind } = useCurrent()
  const { pathname } = useLocation()
  const groups = kind === 'operator' ? places.operator : places.holder
  return (
    <>
      {groups.map((group) => (
        <Box key={group[0][0]} className="places">
          {group.map(([to, name, icon]) => {
            const isHere = to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`)
            return (
              <NavLink
                key={to}
                component={Link}
                to={to}
                label={t(`nav.${name}`)}
                leftSection={<Icon name={icon} />}
                active={isHere}
                aria-current={isHere ? 'page' : undefined}
              />
            )
          })}
        </Box>
      ))}
      <Box className="places" mt="auto">
        <NavLink href="/docs/" label={t('nav.docs')} leftSection={<Icon name="file" />} />
      </Box>
    </>
  )
}

function Who() {
  const session = useCurrent()
  return (
    <Group gap={8} mr={6} wrap="nowrap" visibleFrom="xs">
      <Text size="sm" c="dimmed" truncate maw={220}>
        {session.name}
      </Text>
      <StateBadge state={session.kind === 'operator' ? session.role : session.mode} />
    </Group>
  )
}

function Leave() {
  const { t } = useTranslation()
  const { signOut } = useSigning()
  const navigate = useNavigate()
  // Whoever comes next may have no such page.
  const leaving = useMutation({ mutationFn: signOut, onSuccess: () => navigate('/') })
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={t('nav.signOut')}
      title={t('nav.signOut')}
      loading={leaving.isPending}
      onClick={() => leaving.mutate()}
    >
      <Icon name="leave" />
    </ActionIcon>
  )
}
