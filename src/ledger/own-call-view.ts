import { type Static, Type } from 'typebox'
import type { Row } from '../store/store.ts'
import { type CallCircumstances, CallView, callStory, callView, EventView, exampleEvent } from './call-view.ts'

/** What is the operator's business with the upstream, and none of the account's. */
const inside = ['upstream', 'token_id', 'attempts', 'upstream_status', 'upstream_ms', 'upstream_may_bill'] as const

export const OwnCallView = Type.Omit(CallView, inside, { title: 'OwnCall' })
const OwnEventView = Type.Omit(EventView, ['token'], { title: 'OwnCallEvent', examples: [exampleEvent] })
export const OwnCallStoryView = Type.Object(
  {
    ...OwnCallView.properties,
    timeline: Type.Array(OwnEventView, { description: 'Why it was charged, or was not, step by step.' }),
  },
  { title: 'OwnCallStory' },
)

/** A call as its account sees it: nothing tells which upstream or token served it, or what the operator owes for it. */
export function ownCallView(row: Row): Static<typeof OwnCallView> {
  return withoutInside(callView(outside(row)))
}

/** A call and what became of it, step by step, as its account sees it. */
export function ownCallStory(row: Row, circumstances: CallCircumstances): Static<typeof OwnCallStoryView> {
  const { timeline, ...call } = callStory(outside(row), circumstances)
  return { ...withoutInside(call), timeline }
}

function withoutInside(call: Static<typeof CallView>): Static<typeof OwnCallView> {
  const { upstream, token_id, attempts, upstream_status, upstream_ms, upstream_may_bill, ...own } = call
  return own
}

/** The row without its tries at the upstream, and with the reason the caller was given in place of ours. */
function outside(row: Row): Row {
  return { ...row, reason: ownReason(row), attempts: null, upstream_may_bill: 0 }
}

const reasons: Readonly<Record<string, string>> = {
  400: 'bad_request',
  403: 'content_moderation',
  413: 'payload_too_large',
  422: 'unprocessable',
  429: 'rate_limit_exceeded',
  503: 'upstream_unavailable',
  504: 'upstream_timeout',
}

// An empty purse or a bad token of the operator must not show, so what went wrong behind us is told as in the reply.
function ownReason({ reason, status }: Row): string | null {
  if (reason === null || reason === undefined) return null
  const isInside = /^(?:upstream_|no_token)/.test(String(reason))
  return isInside ? (reasons[String(status)] ?? 'upstream_error') : String(reason)
}
