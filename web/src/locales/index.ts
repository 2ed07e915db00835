/** The two languages. A catalogue is one file per module and language; both have the same keys (tests). */
import { computed } from 'vue'
import { createI18n, type LocaleMessages } from 'vue-i18n'

export type Language = 'zh-CN' | 'en'
interface Words {
  [key: string]: string | Words
}

export const i18n = createI18n<false>({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: false,
  fallbackWarn: false,
  messages: {} as LocaleMessages<Words>,
})

const CATALOGUES: Record<Language, () => Promise<{ default: Words }>> = {
  'zh-CN': () => import('./zh-CN'),
  en: () => import('./en'),
}

export const language = computed<Language>(() => (i18n.global.locale.value === 'en' ? 'en' : 'zh-CN'))

/** Load a language and speak it. */
export async function chooseLanguage(wanted: Language): Promise<void> {
  if (!i18n.global.availableLocales.includes(wanted)) {
    i18n.global.setLocaleMessage(wanted, (await CATALOGUES[wanted]()).default)
  }
  i18n.global.locale.value = wanted
  document.documentElement.lang = wanted
}

/** The language to start with: what was chosen here before, else Chinese. */
export const firstLanguage = (): Language => (localStorage.getItem('scoc.language') === 'en' ? 'en' : 'zh-CN')

/** A text of the server in the language spoken now; both are complete, and a unit may be empty in one of them. */
export function inLanguage(text: { zh: string; en: string } | null | undefined): string {
  if (!text) return ''
  return language.value === 'en' ? text.en : text.zh
}

/** A message by its key, outside of components. */
export function say(key: string, values: Record<string, unknown> = {}): string {
  return i18n.global.t(key, values)
}

/** Whether the catalogue knows a key, e.g. for a code that the server may have learnt later. */
export const knows = (key: string): boolean => i18n.global.te(key)
