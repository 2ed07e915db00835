/** States that carry a shape as well as a colour. */

export type State = 'ok' | 'att' | 'bad' | 'unknown' | 'stale'

/** The light of a share of a limit that is used: green below 70 %, amber to 100 %, red from there. */
export function lightOfShare(share: number | null | undefined, amber = 0.7): State {
  if (share === null || share === undefined || Number.isNaN(share)) return 'unknown'
  if (share >= 1) return 'bad'
  return share >= amber ? 'att' : 'ok'
}

const WORDS: Record<string, State> = {
  green: 'ok',
  ok: 'ok',
  normal: 'ok',
  amber: 'att',
  yellow: 'att',
  warning: 'att',
  orange: 'att',
  blue: 'att',
  red: 'bad',
  breach: 'bad',
  overdue: 'bad',
  alarm: 'bad',
  stale: 'stale',
  stopped: 'stale',
  paused: 'stale',
  unknown: 'unknown',
  none: 'unknown',
}

/** The state that a word of the server names; a word that is not known is drawn as unknown. */
export function stateOf(word: string | null | undefined): State {
  return (word && WORDS[word]) || 'unknown'
}

/** The edges between the four steps of the ramp: round numbers that hold all the values. High and low, no more.
 *  No step begins at `top`, which no value exceeds. */
export function rampEdges(values: (number | null | undefined)[], top = Infinity): [number, number, number] {
  const known = values.filter((value): value is number => typeof value === 'number' && !Number.isNaN(value))
  const low = Math.min(...known)
  const high = Math.max(...known)
  if (known.length === 0) return [80, 85, 90]
  for (const step of [1, 2, 5, 10, 20, 25, 50]) {
    const first = Math.floor(low / step) * step
    const down = first + 3 * step >= top ? step : 0
    if (first + 4 * step > high) return [first + step - down, first + 2 * step - down, first + 3 * step - down]
  }
  return [25, 50, 75]
}

/** The step of the ramp, 1 to 4, that a value falls on; null when it is unknown. */
export function rampOf(value: number | null | undefined, edges: [number, number, number]): 1 | 2 | 3 | 4 | null {
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (value >= edges[2]) return 4
  if (value >= edges[1]) return 3
  return value >= edges[0] ? 2 : 1
}

/** What each step of the ramp holds, for the legend. */
export const rampWords = ([a, b, c]: [number, number, number]): string[] => [`<${String(a)}`, `${String(a)}–${String(b)}`, `${String(b)}–${String(c)}`, `≥${String(c)}`]

/** The shape of an urgency from 1, the worst, to 4. */
export function stateOfLevel(level: number | null | undefined): State {
  if (level === null || level === undefined) return 'unknown'
  if (level <= 1) return 'bad'
  return level <= 3 ? 'att' : 'ok'
}
