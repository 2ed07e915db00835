/** Very many points, drawn by deck.gl into the map, below whatever stands on it; loaded only where there are so many. */
import { ScatterplotLayer } from '@deck.gl/layers'
import { MapLibreOverlay } from '@deck.gl/maplibre'
import type { Map as MapLibre } from 'maplibre-gl'

interface Spot {
  id: number | string
  lon: number
  lat: number
  color?: string
}

type Colour = [number, number, number]

const parsed = (hex: string): Colour => {
  const value = Number.parseInt(hex.slice(1), 16)
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255]
}

export class PointsOverlay {
  private readonly map: MapLibre
  private readonly pick: (id: number | string) => void
  private readonly layer: MapLibreOverlay
  private readonly name: string

  constructor(map: MapLibre, name: string, pick: (id: number | string) => void) {
    this.name = name
    this.map = map
    this.pick = pick
    this.layer = new MapLibreOverlay({ interleaved: true, layers: [] })
    map.addControl(this.layer)
  }

  show(points: Spot[], color: string, radius: number): void {
    const plain = parsed(color)
    this.layer.setProps({
      layers: [
        new ScatterplotLayer<Spot>({
          id: this.name,
          data: points,
          getPosition: (point) => [point.lon, point.lat],
          getFillColor: (point) => (point.color ? parsed(point.color) : plain),
          getRadius: radius,
          radiusUnits: 'pixels',
          pickable: true,
          onClick: ({ object }) => {
            if (object) this.pick(object.id)
          },
        }),
      ],
    })
  }

  remove(): void {
    this.map.removeControl(this.layer)
  }
}
