/** Small sums on the globe, good enough for drawing. */

const RADIUS = 6_371_000
const rad = (degrees: number): number => (degrees * Math.PI) / 180

/** The ring of a circle of a real radius. */
export function circle(lon: number, lat: number, metres: number, corners = 64): [number, number][] {
  const high = (metres / RADIUS) * (180 / Math.PI)
  const wide = high / Math.cos(rad(lat))
  return Array.from({ length: corners + 1 }, (_, index) => {
    const turn = (2 * Math.PI * index) / corners
    return [lon + wide * Math.cos(turn), lat + high * Math.sin(turn)]
  })
}

/** Metres between two points (haversine). */
export function distance(a: [number, number], b: [number, number]): number {
  const lat = rad(b[1] - a[1])
  const lon = rad(b[0] - a[0])
  const h = Math.sin(lat / 2) ** 2 + Math.cos(rad(a[1])) * Math.cos(rad(b[1])) * Math.sin(lon / 2) ** 2
  return 2 * RADIUS * Math.asin(Math.sqrt(h))
}

interface Shapes {
  features: { geometry: { coordinates?: unknown } }[]
}

/** West, south, east and north of all shapes; null when there are none. */
export function boundsOf(shapes: Shapes): [number, number, number, number] | null {
  let box: [number, number, number, number] | null = null
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return
    const [lon, lat] = part as unknown[]
    if (typeof lon === 'number' && typeof lat === 'number') {
      box = box
        ? [Math.min(box[0], lon), Math.min(box[1], lat), Math.max(box[2], lon), Math.max(box[3], lat)]
        : [lon, lat, lon, lat]
    } else part.forEach(walk)
  }
  for (const feature of shapes.features) walk(feature.geometry.coordinates)
  return box
}
