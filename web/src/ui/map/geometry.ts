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

export interface Spot {
  x: number
  y: number
}
export interface Rect extends Spot {
  /** Half of its width and height around x, y. */
  wide: number
  high: number
}

/** How far each spot moves, in pixels, so that none lies within `gap` of another or on an obstacle. */
export function spread(spots: Spot[], obstacles: Rect[], gap: number): Spot[] {
  const at = spots.map(({ x, y }) => ({ x, y }))
  for (let round = 0; round < 60; round += 1) {
    let moved = false
    at.forEach((one, index) => {
      for (const other of at.slice(index + 1)) {
        const [dx, dy] = [other.x - one.x, other.y - one.y]
        const far = Math.hypot(dx, dy)
        if (far >= gap) continue
        // Two at the same place part along a direction of their own, the same on every screen.
        const [ux, uy] = far > 0.5 ? [dx / far, dy / far] : [Math.cos(index * 2.4), Math.sin(index * 2.4)]
        const push = (gap - far) / 2 + 0.1
        one.x -= ux * push
        one.y -= uy * push
        other.x += ux * push
        other.y += uy * push
        moved = true
      }
      for (const box of obstacles) {
        const [dx, dy] = [one.x - box.x, one.y - box.y]
        const [overX, overY] = [box.wide + gap / 2 - Math.abs(dx), box.high + gap / 2 - Math.abs(dy)]
        if (overX <= 0 || overY <= 0) continue
        if (overX < overY) one.x += Math.sign(dx || 1) * (overX + 0.1)
        else one.y += Math.sign(dy || 1) * (overY + 0.1)
        moved = true
      }
    })
    if (!moved) break
  }
  return at.map((one, index) => ({ x: one.x - (spots[index]?.x ?? 0), y: one.y - (spots[index]?.y ?? 0) }))
}

/** A value between two bounds; the middle where they cross. */
export const within = (value: number, low: number, high: number): number =>
  low > high ? (low + high) / 2 : Math.min(Math.max(value, low), high)
