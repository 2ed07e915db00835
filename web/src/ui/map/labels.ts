/** Large names of water and neighbours on a map that stands still: moved inside what panels leave free. */
import type { Map as MapLibre, PaddingOptions } from 'maplibre-gl'
import type { FeatureCollection } from '@/api/spatial'
import { within } from './geometry'
import { labelSizes } from './style'

const LARGE = 2
const EDGE = 14

/** The base map with its large names where they can be read whole; what is not a large name stays as it is. */
export function keptInside(
  map: MapLibre,
  base: FeatureCollection,
  padding: Partial<PaddingOptions>,
  language: string,
  scale: number,
): FeatureCollection {
  const { clientWidth: width, clientHeight: height } = map.getContainer()
  const { top = 0, right = 0, bottom = 0, left = 0 } = padding
  const sizes = labelSizes(true, scale)
  return {
    ...base,
    features: base.features.map((feature) => {
      const { kind, rank, name_zh, name_en } = feature.properties
      if (kind !== 'label' || Number(rank) > LARGE) return feature
      const name = String((language === 'en' ? name_en : name_zh) ?? '')
      const size = sizes[Number(rank) - 1] ?? sizes[0]
      const spacing = language === 'en' ? 0.68 : rank === 1 ? 1.7 : 1.3
      const half = (name.length * size * spacing) / 2 + EDGE
      const [lon, lat] = feature.geometry.coordinates as [number, number]
      const at = map.project([lon, lat])
      const x = within(at.x, left + half, width - right - half)
      const y = within(at.y, Math.min(top, height / 8) + size, height - bottom - size)
      if (x === at.x && y === at.y) return feature
      const moved = map.unproject([x, y])
      return { ...feature, geometry: { ...feature.geometry, coordinates: [moved.lng, moved.lat] } }
    }),
  }
}
