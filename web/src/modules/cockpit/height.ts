/** How large a place is now, so that a panel shows as much as fits. */
import { onBeforeUnmount, onMounted, ref, type Ref, type ShallowRef } from 'vue'

function useSize(place: Readonly<ShallowRef<HTMLElement | null>>, read: (box: DOMRectReadOnly) => number, first: number): Ref<number> {
  const size = ref(first)
  const watching = new ResizeObserver(([entry]) => {
    if (entry) size.value = read(entry.contentRect)
  })
  onMounted(() => {
    if (place.value) watching.observe(place.value)
  })
  onBeforeUnmount(() => {
    watching.disconnect()
  })
  return size
}

export const useHeight = (place: Readonly<ShallowRef<HTMLElement | null>>): Ref<number> => useSize(place, (box) => box.height, 0)

/** Pixels of this screen for one of the 1920 × 1080 that the cockpit is drawn for. */
export const useScale = (place: Readonly<ShallowRef<HTMLElement | null>>): Ref<number> =>
  useSize(place, (box) => Math.min(box.width / 1920, box.height / 1080), Math.min(window.innerWidth / 1920, window.innerHeight / 1080))
