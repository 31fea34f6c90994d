/** Writes docs/settings.md from the settings themselves: npm run settings-doc. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { settings } from '../../src/config.ts'
import { Unfit } from '../../src/config-readers.ts'

export const settingsDocPath = fileURLToPath(new URL('../../docs/settings.md', import.meta.url))

const groups: Readonly<Record<string, RegExp>> = {
  'Where it listens': /^(HOST|PORT|TRUST_PROXY)$/,
  'What it keeps': /^(DATABASE_URL|REDIS_URL|RETAIN_|REPLAY_)/,
  'The upstream': /^UPSTREAM_/,
  'The fair queue': /^QUEUE_/,
  'Limits for callers': /^(RATE_LIMIT|BODY_|ANSWER_|REQUEST_|BYTES_|CHARGE_|CONNECTION)/,
  Operators: /^(ADMIN_|METRICS_KEY|WEBHOOK_)/,
  'The process': /^(SHUTDOWN_|LOG_|OTEL_)/,
}

const beginning = `# Settings

Written from \`src/config.ts\` by \`npm run settings-doc\`; do not edit it by hand.

Settings are environment variables. A file \`.env\` in the folder where Tollgate starts is read too; what is in the
environment wins. [.env.example](../.env.example) has every setting with its default. An empty value counts as not given.

A secret may come from a file: the setting's name with \`_FILE\` behind it holds the path. One newline at the file's end is
dropped. Giving both forms, an empty file, or a file that cannot be read stops the start.

A wrong value, an unknown name that begins with \`UPSTREAM_\`, or two settings that contradict each other stop the start with
exit code 78. Every fault is listed at once, with the setting's name and without any part of its value.
\`npx tollgate doctor\` checks the settings without starting.
`

type Row = (typeof settings)[keyof typeof settings]

/** The whole page. */
export function settingsDoc(): string {
  const left = new Set<Row>(Object.values(settings))
  const parts = Object.entries(groups).map(([title, pattern]) => {
    const own = [...left].filter(({ env }) => pattern.test(env))
    for (const row of own) left.delete(row)
    return sectionOf(title, own)
  })
  return beginning + parts.join('') + (left.size > 0 ? sectionOf('Others', [...left]) : '')
}

function sectionOf(title: string, rows: readonly Row[]): string {
  return `\n## ${title}\n\n| name | default | meaning |\n| --- | --- | --- |\n${rows.map(lineOf).join('')}`
}

function lineOf(row: Row): string {
  const names = row.secret ? `\`${row.env}\` \`${row.env}_FILE\`` : `\`${row.env}\``
  const fallback = row.fallback ? `\`${row.fallback}\`` : 'none'
  const allowed = allowedBy(row)
  return `| ${names} | ${fallback} | ${row.about}${allowed && ` ${allowed}`} |\n`
}

/** What the reader itself says of a text that cannot be right. */
function allowedBy(row: Row): string {
  try {
    row.read('\u0001', () => '')
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    const [sentence = ''] = error.sentences
    if (sentence.startsWith('must be ')) return `M${sentence.slice(1)}`.replaceAll('|', '\\|')
  }
  return ''
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(settingsDocPath, settingsDoc())
}
