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

/** The step of the ramp, 1 to 4, of a health index; null when unknown. Edges as on the legend: 80, 85, 90. */
export function rampOf(value: number | null | undefined): 1 | 2 | 3 | 4 | null {
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (value >= 90) return 4
  if (value >= 85) return 3
  return value >= 80 ? 2 : 1
}

/** The shape of an urgency from 1, the worst, to 4. */
export function stateOfLevel(level: number | null | undefined): State {
  if (level === null || level === undefined) return 'unknown'
  if (level <= 1) return 'bad'
  return level <= 3 ? 'att' : 'ok'
}
