/** A missing reading is a gap in the line, not a straight line across it. */

export interface SeriesLike {
  at: string
  value: number
  minimum: number
  maximum: number
}
export interface Drawn {
  at: string
  value: number | null
  minimum: number | null
  maximum: number | null
}

/** The points with an empty one wherever more than 1.6 steps lie between two. */
export function withGaps(points: SeriesLike[], stepMs: number): Drawn[] {
  const drawn: Drawn[] = []
  let last: number | null = null
  for (const point of points) {
    const at = new Date(point.at).getTime()
    if (last !== null && at - last > stepMs * 1.6) {
      drawn.push({ at: new Date((last + at) / 2).toISOString(), value: null, minimum: null, maximum: null })
    }
    drawn.push({ at: point.at, value: point.value, minimum: point.minimum, maximum: point.maximum })
    last = at
  }
  return drawn
}
