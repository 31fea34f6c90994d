import { lazy } from 'react'
import { Route, Routes } from 'react-router'
import { Lost } from '../parts/lost.tsx'
import { Home } from './home.tsx'

const Call = lazy(() => import('./call.tsx'))
const Calls = lazy(() => import('./calls.tsx'))
const Keys = lazy(() => import('./keys.tsx'))
const Playground = lazy(() => import('./playground.tsx'))
const Statements = lazy(() => import('./statements.tsx'))

/** The pages of who holds a key. */
export default function HolderPages() {
  return (
    <Routes>
      <Route index element={<Home />} />
      <Route path="playground" element={<Playground />} />
      <Route path="calls" element={<Calls />} />
      <Route path="calls/:id" element={<Call />} />
      <Route path="keys" element={<Keys />} />
      <Route path="statements" element={<Statements />} />
      <Route path="*" element={<Lost />} />
    </Routes>
  )
}
