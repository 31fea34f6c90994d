import { api, got } from '../api.ts'
import { MonthStatement } from '../parts/statement.tsx'

export function StatementDownload({ id }: { readonly id: string }) {
  return (
    <MonthStatement
      scope={id}
      path={`/admin/v1/accounts/${encodeURIComponent(id)}/statement`}
      read={(query) => got(api.GET('/admin/v1/accounts/{id}/entries', { params: { path: { id }, query } }))}
    />
  )
}
