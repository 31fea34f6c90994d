import { lazy } from 'react'
import { Route, Routes } from 'react-router'
import { Lost } from '../parts/lost.tsx'
import { Overview } from './overview.tsx'

const Account = lazy(() => import('./account.tsx'))
const Accounts = lazy(() => import('./accounts.tsx'))
const Audit = lazy(() => import('./audit.tsx'))
const Call = lazy(() => import('./call.tsx'))
const Calls = lazy(() => import('./calls.tsx'))
const Keys = lazy(() => import('./keys.tsx'))
const Offers = lazy(() => import('./offers.tsx'))
const Operators = lazy(() => import('./operators.tsx'))
const Settings = lazy(() => import('./settings.tsx'))
const Tokens = lazy(() => import('./tokens.tsx'))
const Webhook = lazy(() => import('./webhook.tsx'))
const Webhooks = lazy(() => import('./webhooks.tsx'))

/** The pages of who runs the house. */
export default function OperatorPages() {
  return (
    <Routes>
      <Route index element={<Overview />} />
      <Route path="accounts" element={<Accounts />} />
      <Route path="accounts/:id" element={<Account />} />
      <Route path="keys" element={<Keys />} />
      <Route path="calls" element={<Calls />} />
      <Route path="calls/:id" element={<Call />} />
      <Route path="offers" element={<Offers />} />
      <Route path="tokens" element={<Tokens />} />
      <Route path="webhooks" element={<Webhooks />} />
      <Route path="webhooks/:id" element={<Webhook />} />
      <Route path="audit" element={<Audit />} />
      <Route path="operators" element={<Operators />} />
      <Route path="settings" element={<Settings />} />
      <Route path="*" element={<Lost />} />
    </Routes>
  )
}
