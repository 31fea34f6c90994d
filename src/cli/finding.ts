/** One thing the doctor looked at. */
export type Finding = { readonly check: string; readonly state: 'ok' | 'warn' | 'fail'; readonly detail: string }

export const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail })
export const warn = (check: string, detail: string): Finding => ({ check, state: 'warn', detail })
export const fail = (check: string, detail: string): Finding => ({ check, state: 'fail', detail })
