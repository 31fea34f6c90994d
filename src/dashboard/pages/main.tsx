import '@mantine/core/styles.css'
import './look.css'
import { MantineProvider } from '@mantine/core'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { House } from './house.tsx'
import { startLanguages } from './languages.ts'
import { styleNonce } from './nonce.ts'
import { Refused } from './refused.ts'
import { askSession } from './session.tsx'
import { readable, theme } from './theme.ts'

const app = document.getElementById('app')
if (!app) throw new Error('the page has no place for the app')

const queries: QueryClient = new QueryClient({
  // Whatever finds the session ended, or become another's in a second window, leads back to the door.
  queryCache: new QueryCache({ onError: lookAgain }),
  mutationCache: new MutationCache({ onError: lookAgain }),
  defaultOptions: {
    queries: { staleTime: 5000, retry: (count, error) => count < 2 && mayPass(error) },
    mutations: { retry: false },
  },
})

function lookAgain(error: unknown): void {
  if (!(error instanceof Refused) || ![401, 403].includes(error.told.status)) return
  void queries.invalidateQueries({ queryKey: ['session'] })
}

/** Only a house that did not answer, or cannot for the moment, is asked again by itself. */
function mayPass(error: unknown): boolean {
  return error instanceof Refused && (error.told.status === 0 || error.told.status === 503)
}

askSession(queries)
await startLanguages()
createRoot(app).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={readable} defaultColorScheme="auto" getStyleNonce={styleNonce}>
      <QueryClientProvider client={queries}>
        <BrowserRouter basename="/dashboard">
          <House />
        </BrowserRouter>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
