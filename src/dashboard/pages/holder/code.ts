import { fieldsOf, type PictureWish } from './wish.ts'

/** The same call outside the browser; the key stands there by the name of a variable and never by its text. */
export type Sample = { readonly name: 'curl' | 'Python' | 'JavaScript'; readonly text: string }

export function samplesOf(wish: PictureWish, url: string): readonly Sample[] {
  return [
    { name: 'curl', text: curl(wish, url) },
    { name: 'Python', text: python(wish, url) },
    { name: 'JavaScript', text: javaScript(wish, url) },
  ]
}

function curl(wish: PictureWish, url: string): string {
  const lines = [
    `curl -fsS ${quoted(url)}`,
    `-H "authorization: Bearer $TOLLGATE_KEY"`,
    `-H 'accept: image/*'`,
    // Unlike -F, it takes a text that begins with @ or < for what it is.
    ...fieldsOf(wish).map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`),
    `-o picture.${wish.format}`,
  ]
  return lines.join(' \\\n  ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function python(wish: PictureWish, url: string): string {
  const fields = fieldsOf(wish).map(
    ([name, value]) => `        ${JSON.stringify(name)}: (None, ${JSON.stringify(value)}),`,
  )
  return [
    'import os',
    'import requests',
    '',
    'answer = requests.post(',
    `    ${JSON.stringify(url)},`,
    '    headers={',
    `        "authorization": "Bearer " + os.environ["TOLLGATE_KEY"],`,
    '        "accept": "image/*",',
    '    },',
    '    files={',
    ...fields,
    '    },',
    ')',
    'answer.raise_for_status()',
    'print(answer.headers["x-credits-charged"], "credits")',
    `open("picture.${wish.format}", "wb").write(answer.content)`,
  ].join('\n')
}

function javaScript(wish: PictureWish, url: string): string {
  const fields = fieldsOf(wish).map(([name, value]) => `body.set(${JSON.stringify(name)}, ${JSON.stringify(value)})`)
  return [
    `import { writeFile } from 'node:fs/promises'`,
    '',
    'const body = new FormData()',
    ...fields,
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    `  method: 'POST',`,
    "  headers: { authorization: 'Bearer ' + process.env.TOLLGATE_KEY, accept: 'image/*' },",
    '  body,',
    '})',
    'if (!answer.ok) throw new Error(await answer.text())',
    `console.log(answer.headers.get('x-credits-charged'), 'credits')`,
    `await writeFile('picture.${wish.format}', new Uint8Array(await answer.arrayBuffer()))`,
  ].join('\n')
}
