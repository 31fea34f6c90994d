import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { checkout } from '../support/process.ts'

const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: checkout }).sort()

function textOf(page: string): string {
  return readFileSync(join(checkout, page), 'utf8')
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** The anchors of a page, as GitHub makes them out of its headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>()
  const headings = text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+)$/gm)
  for (const [, heading = ''] of headings) {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    for (let twin = 0; ; twin++) {
      const name = twin === 0 ? anchor : `${anchor}-${twin}`
      if (anchors.has(name)) continue
      anchors.add(name)
      break
    }
  }
  return anchors
}

function faultsIn(page: string, text: string): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(([, link]) => link ?? '')
  return links
    .filter((link) => !/^(https?:|mailto:)/.test(link))
    .flatMap((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? join(checkout, page) : resolve(checkout, dirname(page), decodeURIComponent(path))
      if (relative(checkout, target).startsWith('..') || !existsSync(target)) return [`${page}: ${link} leads nowhere`]
      if (anchor === undefined) return []
      if (statSync(target).isDirectory() || !anchorsOf(readFileSync(target, 'utf8')).has(anchor)) {
        return [`${page}: ${link} has no such heading`]
      }
      return []
    })
}

test('every relative link and anchor in every page leads somewhere', () => {
  assert.ok(pages.includes('README.md') && pages.includes('docs/decisions/0001-transactions-are-data.md'))
  assert.deepEqual(
    pages.flatMap((page) => faultsIn(page, textOf(page))),
    [],
  )
})

test('a link that leads nowhere is seen, and code is not taken for one', () => {
  const text =
    '[a](docs/nothing.md) [b](README.md#no-such-heading) [c](#here) `[d](x.md)`\n```\n[e](y.md)\n```\n# Here\n'
  assert.deepEqual(faultsIn('README.md', text), [
    'README.md: docs/nothing.md leads nowhere',
    'README.md: README.md#no-such-heading has no such heading',
    'README.md: #here has no such heading',
  ])
  assert.deepEqual(
    [...anchorsOf('# A plan to 10,000 calls a second\n## Backup\n## Backup\n### `code` and (more)\n')],
    ['a-plan-to-10000-calls-a-second', 'backup', 'backup-1', 'code-and-more'],
  )
})

test('every page of docs can be reached from the README, and every decision is in its list', () => {
  const reached = new Set<string>()
  const walk = (page: string): void => {
    if (reached.has(page)) return
    reached.add(page)
    for (const [, link = ''] of withoutCode(textOf(page)).matchAll(/\]\(([^)#\s]+\.md)[^)]*\)/g)) {
      if (!/^https?:/.test(link)) walk(relative(checkout, resolve(checkout, dirname(page), link)))
    }
  }
  walk('README.md')
  assert.deepEqual(
    pages.filter((page) => !reached.has(page)),
    [],
  )
})
