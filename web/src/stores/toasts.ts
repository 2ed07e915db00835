/** Short words about what was done or refused; they leave by themselves. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export interface Toast {
  id: number
  kind: 'done' | 'refused'
  text: string
  detail: string
  undo: (() => void) | null
}

const STAY = { done: 5000, refused: 12_000 }

export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([])
  let next = 1

  function drop(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }

  function show(kind: Toast['kind'], text: string, detail = '', undo: (() => void) | null = null): void {
    const id = next++
    toasts.value = [...toasts.value.slice(-3), { id, kind, text, detail, undo }]
    setTimeout(() => {
      drop(id)
    }, STAY[kind])
  }

  return { toasts, drop, show }
})
