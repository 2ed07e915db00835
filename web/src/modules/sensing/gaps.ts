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
  /** No line reaches it: it is drawn as a dot. */
  alone: boolean
}

/** The points with an empty one wherever more than 1.6 steps lie between two. */
export function withGaps(points: SeriesLike[], stepMs: number): Drawn[] {
  const drawn: Drawn[] = []
  let last: number | null = null
  for (const point of points) {
    const at = new Date(point.at).getTime()
    if (last !== null && at - last > stepMs * 1.6) {
      drawn.push({ at: new Date((last + at) / 2).toISOString(), value: null, minimum: null, maximum: null, alone: false })
    }
    drawn.push({ at: point.at, value: point.value, minimum: point.minimum, maximum: point.maximum, alone: false })
    last = at
  }
  drawn.forEach((point, index) => {
    point.alone = point.value !== null && (drawn[index - 1]?.value ?? null) === null && (drawn[index + 1]?.value ?? null) === null
  })
  return drawn
}
