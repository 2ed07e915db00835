/** How parts of a map find the map they stand on. */
import type { Map as MapLibre } from 'maplibre-gl'
import { inject, onBeforeUnmount, ref, watch, type InjectionKey, type Ref, type ShallowRef } from 'vue'

/** The map, once its style is loaded; null before and after. */
export const MAP: InjectionKey<ShallowRef<MapLibre | null>> = Symbol('map')

/** Put something on the map when it is there (and `ready`); the returned function takes it away again. */
export function onMap(
  put: (map: MapLibre) => (() => void) | undefined,
  ready: Readonly<Ref<unknown>> = ref(true),
): ShallowRef<MapLibre | null> {
  const map = inject(MAP)
  if (!map) throw new Error('A part of a map needs a map around it.')
  let away: (() => void) | undefined
  watch(
    [map, ready] as const,
    ([found, go], [before]) => {
      // A map that was removed has taken its parts with it.
      if (before && before === found) away?.()
      away = undefined
      if (found && go) away = put(found)
    },
    { immediate: true, flush: 'post' },
  )
  onBeforeUnmount(() => {
    if (map.value) away?.()
    away = undefined
  })
  return map
}
