/** How a vital sign is drawn: its state, its line, the limit that the line is compared with, and how it is reckoned. */
import type { Indicator, VitalSign } from '@/api/indicators'
import { inLanguage } from '@/locales'
import { number, percent } from './formats'
import type { State } from './lights'

const RANK: Record<State, number> = { bad: 0, att: 1, ok: 2, stale: 3, unknown: 4 }

/** The state of a sign. A value that grew old is stale whatever it says; no value is unknown. */
export function stateOfSign(sign: VitalSign): State {
  const { newest } = sign
  if (!newest || newest.value === null || newest.status === 'unknown') return 'unknown'
  if (newest.status === 'stale') return 'stale'
  if (newest.level === 'red') return 'bad'
  if (newest.level === 'orange' || newest.level === 'yellow') return 'att'
  return newest.level === 'green' ? 'ok' : 'unknown'
}

/** Breached ones first, then those that need attention; within a state as the city ordered them. */
export function sorted(signs: VitalSign[]): VitalSign[] {
  return signs
    .map((sign, index) => ({ sign, index, rank: RANK[stateOfSign(sign)] }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ sign }) => sign)
}

export interface Limit {
  value: number
  /** Whether values above it are worse. */
  above: boolean
  /** Beyond it is red; else beyond it is yellow. */
  red: boolean
}

/** The limit that matters for the state: the red one for a breached sign, else where attention begins. */
export function limitOf(sign: VitalSign): Limit | null {
  const red = stateOfSign(sign) === 'bad'
  const { low, high } = sign.thresholds
  const value = sign.newest?.value
  const number = typeof value === 'string' ? Number(value) : value
  const sides = [
    ...(high ? [{ side: high, above: true }] : []),
    ...(low ? [{ side: low, above: false }] : []),
  ].map(({ side, above }) => ({ value: Number(red ? (side.orange ?? side.yellow) : side.green), above, red }))
  if (typeof number !== 'number') return sides[0] ?? null
  return sides.sort((a, b) => Math.abs(a.value - number) - Math.abs(b.value - number))[0] ?? null
}

/** The line of the last 24 hours: a gap wherever a point is unknown. */
export const lineOf = (sign: VitalSign): (number | null)[] => sign.points.map((point) => point.value)

/** Σ weight × score with the figures in it; empty where none is known. */
export function sumOf(parts: { score: string | null; weight: string | number }[], result: string | null | undefined): string {
  const known = parts.filter((part) => part.score !== null)
  if (known.length === 0 || result === null || result === undefined) return ''
  return `${known.map((part) => `${percent(part.weight)}% × ${number(part.score, 1)}`).join(' + ')} = ${number(result, 1)}`
}

/** The formula with the figures in it, as far as the value is a quotient. */
export function quotientOf({ definition, sign }: Pick<Indicator, 'definition' | 'sign'>): string {
  const value = sign.newest
  if (!value || value.numerator === null || value.denominator === null) return ''
  const factor = definition.factor === 1 ? '' : ` × ${number(definition.factor)}`
  return `${number(value.numerator)} ÷ ${number(value.denominator)}${factor} = ${number(value.value, definition.places)} ${inLanguage(definition.unit)}`
}

/** A score beside the target that the city set. */
export const stateOfScore = (score: string | null | undefined, target: string): State | null =>
  score === null || score === undefined ? 'unknown' : Number(score) < Number(target) ? 'att' : null
