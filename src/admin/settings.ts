import { Type } from 'typebox'
import { orNull } from '../fields.ts'
import { pageOf } from '../pages.ts'
import type { TypedScope } from '../typed-scope.ts'
import type { AdminRooms } from './admin.ts'

const SettingView = Type.Object(
  {
    name: Type.String({ description: 'The variable it is read from.', examples: ['QUEUE_LIMIT'] }),
    value: orNull(
      Type.String({ examples: ['1000'] }),
      'What it is at present; `set` where it is kept back, null where it is not given.',
    ),
    secret: Type.Boolean({ description: 'Whether its value is kept back.', examples: [false] }),
    default: orNull(Type.String({ examples: ['1000'] }), 'What it is when it is not given.'),
    about: Type.String({ description: 'What it means.', examples: ['Most calls waiting in the fair queue.'] }),
  },
  { title: 'Setting' },
)

/** `GET /settings`: how this process was started. Nothing of a secret is shown but that there is one. */
export function settings(scope: TypedScope, { settingsTold }: AdminRooms): void {
  const schema = {
    ...{ querystring: Type.Object({}, { additionalProperties: false }), response: { 200: pageOf(SettingView) } },
    ...{ tags: ['house'], summary: 'List the settings', operationId: 'listSettings' },
  }
  scope.get('/settings', { schema }, async () => ({ data: [...settingsTold], next_cursor: null }))
}
