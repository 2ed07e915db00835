/** Classes of components and events, as people say them. */
import type { Category } from '@/api/core'
import { inLanguage, say } from '@/locales'

/** "event 0506 Water on the road" for `event/0506`; what has no class yet says so. */
export function className(code: string | null | undefined, name = ''): string {
  const [kind = '', number = ''] = (code ?? '').split('/')
  if (!number) return name || say('common.no_class')
  return `${kindName(kind)} ${number} ${name}`.trim()
}

/** Component or event; empty where nobody knows yet. */
export const kindName = (kind: string): string => (kind ? say(`cases.kind.${kind}`) : '')

/** The classes that a case may have; those that end in 00 only head the others. */
export const classChoices = (rows: Category[] | null): { value: string; label: string }[] =>
  (rows ?? []).filter((row) => !row.code.endsWith('00')).map((row) => ({ value: row.code, label: className(row.code, inLanguage(row.name)) }))
