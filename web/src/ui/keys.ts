/** Keyboard: letters act on the screen in front, and `?` lists what they do. */
import { onScopeDispose, shallowReactive } from 'vue'

export interface Key {
  /** As in KeyboardEvent.key, e.g. `j`, `Enter`, `?`; `mod+k` with Ctrl or ⌘. */
  key: string
  /** Key of the catalogue that says what it does. */
  label: string
  run: (event: KeyboardEvent) => void
  /** Offered and heard only while this is true. */
  when?: () => boolean
}

const MAC = navigator.platform.startsWith('Mac')

/** A key as it stands on the keyboard in front: `⌘K` or `Ctrl K` for `mod+k`. */
export const keyName = (key: string): string =>
  key.replace('mod+', MAC ? '⌘' : 'Ctrl ').replace(/(?<![a-zA-Z])[a-z]$/, (letter) => letter.toUpperCase())

const layers = shallowReactive<Key[][]>([])

/** The keys that act now, the screen in front first. */
export const keysNow = (): Key[] => [...layers].reverse().flat()

const TYPING = 'input, textarea, select, [contenteditable="true"]'

function heard(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.altKey) return
  const mod = event.ctrlKey || event.metaKey
  const typing = event.target instanceof Element && event.target.closest(TYPING) !== null
  if (typing && !mod && event.key !== 'Escape') return
  if (!mod && document.querySelector('.el-overlay:not([style*="display: none"]) [role="dialog"]')) return
  const name = mod ? `mod+${event.key.toLowerCase()}` : event.key.length === 1 ? event.key.toLowerCase() : event.key
  const onControl = event.target instanceof Element && event.target.closest('button, a, [role="button"]') !== null
  if (event.key === 'Enter' && onControl) return
  const found = keysNow().find((key) => key.key === name && (key.when?.() ?? true))
  if (!found) return
  event.preventDefault()
  found.run(event)
}

/** Hear these keys while the component lives. */
export function useKeys(keys: Key[]): void {
  if (layers.length === 0) window.addEventListener('keydown', heard)
  layers.push(keys)
  onScopeDispose(() => {
    layers.splice(layers.indexOf(keys), 1)
    if (layers.length === 0) window.removeEventListener('keydown', heard)
  })
}
