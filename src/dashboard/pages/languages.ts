import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type { Texts } from './languages/en.ts'

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: Texts }
  }
}

const loaders = {
  en: async () => (await import('./languages/en.ts')).en,
  'zh-CN': async () => (await import('./languages/zh-cn.ts')).zhCn,
} as const

export type Language = keyof typeof loaders

/** Each by its own name, as its readers look for it. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', 'zh-CN': '简体中文' }
export const languages: readonly Language[] = ['en', 'zh-CN']

const place = 'tollgate-language'

/** The language chosen last, else the first of the browser's that we have. */
function preferred(): Language {
  const asked = [localStorage.getItem(place) ?? '', ...navigator.languages]
  for (const each of asked) {
    if (each.toLowerCase().startsWith('zh')) return 'zh-CN'
    if (each.toLowerCase().startsWith('en')) return 'en'
  }
  return 'en'
}

export async function startLanguages(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    resources: {},
    // React escapes what it shows; twice would show the marks of escaping.
    interpolation: { escapeValue: false },
  })
  await speak(preferred())
}

export async function choose(language: Language): Promise<void> {
  localStorage.setItem(place, language)
  await speak(language)
}

/** Loads the texts of a language when it is first wanted. */
async function speak(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await loaders[language]())
  }
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}
