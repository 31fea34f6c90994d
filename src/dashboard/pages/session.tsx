import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext } from 'react'
import { api, done, type Got, got, signedWith } from './api.ts'
import { Refused } from './refused.ts'

export type Session = Got<'/dashboard/session'>

const key = ['session']

const question = { queryKey: key, queryFn: look, staleTime: 60_000, retry: false }

/** Who is signed in here; null for nobody. */
export function useSession() {
  return useQuery(question)
}

/** Asks early, while the texts of the page are still on their way. */
export function askSession(queries: QueryClient): void {
  void queries.prefetchQuery(question)
}

async function look({ client }: { readonly client: QueryClient }): Promise<Session | null> {
  try {
    const session = await got(api.GET('/dashboard/session'))
    const before = client.getQueryData<Session | null>(key)
    if (before && before.csrf !== session.csrf) forgetAll(client)
    return remembered(session)
  } catch (error) {
    if (error instanceof Refused && error.told.status === 401) return null
    throw error
  }
}

/** What one session read is not shown in the next. The session itself stays: whoever watches it would not see the next. */
function forgetAll(queries: QueryClient): void {
  queries.getMutationCache().clear()
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== key[0] })
}

function remembered(session: Session): Session {
  signedWith(session.csrf)
  return session
}

export function useSigning() {
  const queries = useQueryClient()
  const forget = () => forgetAll(queries)

  /** The key goes into one request and is kept nowhere. Throws Refused. */
  async function signIn(secret: string): Promise<void> {
    const session = await got(api.POST('/dashboard/session', { body: { key: secret } }))
    forget()
    queries.setQueryData(key, remembered(session))
  }

  /** Whatever was read is forgotten with the session. */
  async function signOut(): Promise<void> {
    await done(api.DELETE('/dashboard/session')).catch(unlessOver)
    signedWith('')
    forget()
    queries.setQueryData(key, null)
  }

  return { signIn, signOut }
}

function unlessOver(error: unknown): void {
  if (!(error instanceof Refused && error.told.status === 401)) throw error
}

const Current = createContext<Session | null>(null)

export function SignedIn({ session, children }: { readonly session: Session; readonly children: ReactNode }) {
  return <Current value={session}>{children}</Current>
}

/** Who is signed in, for pages that only show when somebody is. */
export function useCurrent(): Session {
  const session = useContext(Current)
  if (session === null) throw new Error('nobody is signed in')
  return session
}

/** What whoever is signed in may do beside looking. The house refuses all the same; this only spares the asking. */
export function useMay(): { readonly change: boolean } {
  const session = useCurrent()
  return { change: session.kind === 'operator' ? session.role === 'admin' : session.rights.includes('manage') }
}
