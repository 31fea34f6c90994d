import { Center, Container, Loader } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { Failure } from './parts/failure.tsx'
import { SignedIn, useSession } from './session.tsx'
import { Shell } from './shell.tsx'
import { SignIn } from './sign-in.tsx'

const HolderPages = lazy(() => import('./holder/pages.tsx'))
const OperatorPages = lazy(() => import('./operator/pages.tsx'))

/** The door, or the pages of whoever came in. */
export function House() {
  const { data: session, isPending, error, refetch } = useSession()
  if (isPending) return <Waiting />
  if (session === undefined) {
    return (
      <Container size="sm" py="xl">
        <Failure error={error} again={() => void refetch()} />
      </Container>
    )
  }
  if (session === null) return <SignIn />
  const Pages = session.kind === 'operator' ? OperatorPages : HolderPages
  return (
    <SignedIn key={session.csrf} session={session}>
      <Shell>
        <Suspense fallback={<Waiting />}>
          <Pages />
        </Suspense>
      </Shell>
    </SignedIn>
  )
}

function Waiting() {
  const { t } = useTranslation()
  return (
    <Center mih="60vh" role="status" aria-label={t('common.loading')}>
      <Loader type="dots" />
    </Center>
  )
}
