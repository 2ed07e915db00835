/** Which figure is explained now. It stands in the address, so that an explanation has a link of its own. */
import { onScopeDispose, ref, type Ref } from 'vue'

/** A kind and what it is about: `index:990102`, `theme:air`, `sign:AI01`, `unit:<code>`, `needs`, `sources`, `devices`. */
const KINDS = ['index', 'theme', 'sign', 'unit', 'units', 'needs', 'sources', 'devices'] as const
export type Kind = (typeof KINDS)[number]
export interface Asked {
  kind: Kind
  code: string
}

/** What an address asks for; null where it asks for nothing that is known here. */
export function askedBy(hash: string): Asked | null {
  const [word = '', code = ''] = decodeURIComponent(hash.replace(/^#/, '')).split(':')
  const kind = KINDS.find((one) => one === word)
  return kind ? { kind, code } : null
}

export const addressOf = (kind: Kind, code = ''): string => (code ? `#${kind}:${encodeURIComponent(code)}` : `#${kind}`)

const shown = ref<Asked | null>(null)

export function explain(kind: Kind, code = ''): void {
  history.replaceState(null, '', addressOf(kind, code))
  shown.value = { kind, code }
}

export function close(): void {
  history.replaceState(null, '', location.pathname + location.search)
  shown.value = null
}

/** Follow the address while the component lives. */
export function useExplained(): Ref<Asked | null> {
  const follow = (): void => {
    shown.value = askedBy(location.hash)
  }
  follow()
  window.addEventListener('hashchange', follow)
  onScopeDispose(() => {
    window.removeEventListener('hashchange', follow)
  })
  return shown
}
