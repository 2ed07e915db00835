/** The settings of a rule as a form has them: spans in minutes, everything as a number or empty. */
import type { RuleRow, TrialIn } from '@/api/sensing'

export interface Setting {
  name: string
  /** A key of the catalogue, or the unit of what is measured. */
  unit: '' | 'minutes' | 'times' | 'cadences' | 'samples' | 'readings' | 'measured'
}
export type Values = Record<string, number | string>

const setting = (name: string, unit: Setting['unit']): Setting => ({ name, unit })
const DURATION = setting('duration_seconds', 'minutes')
const COUNTED = [setting('broken_samples', 'readings'), setting('of_samples', 'readings')]
const BY_KIND: Record<string, Setting[]> = {
  threshold: [setting('raise_at', 'measured'), setting('clear_at', 'measured'), DURATION, ...COUNTED],
  rate: [setting('change', 'measured'), setting('clear_change', 'measured'), setting('window_seconds', 'minutes'), ...COUNTED],
  deviation: [setting('k', 'times'), setting('clear_k', 'times'), setting('least_spread', 'measured'), setting('least_samples', 'samples'), DURATION, ...COUNTED],
  silence: [setting('missed', 'cadences')],
}

/** What may be changed of a rule of this kind, besides its side. */
export const settingsOf = (kind: string): Setting[] => [...(BY_KIND[kind] ?? []), setting('recurrence_seconds', 'minutes')]

/** The sides that a rule of this kind may look at. */
export const sidesOf = (kind: string): string[] => (kind === 'silence' ? [] : kind === 'threshold' ? ['above', 'below'] : ['above', 'below', 'both'])

/** Spans of hours as people write them, e.g. `22:00-06:00, 12:00–13:00`. */
export const hoursOf = (words: string): string[] => words.split(/[\s,，、;；]+/).map((one) => one.replace(/[–—~～]/g, '-')).filter(Boolean)

/** The days that a rule may be bound to; none: all. */
export const DAY_KINDS = ['', 'workdays', 'off_days'] as const

/** A rule in force as the form shows it. */
export function valuesOf(rule: Pick<RuleRow, 'kind' | 'settings' | 'recurrence_seconds' | 'days' | 'hours'>): Values {
  const stored: Values = { ...rule.settings, recurrence_seconds: rule.recurrence_seconds }
  const shown: Values = sidesOf(rule.kind).length ? { side: stored.side ?? '' } : {}
  for (const { name, unit } of settingsOf(rule.kind)) {
    const value = stored[name] ?? ''
    shown[name] = unit === 'minutes' && value !== '' ? Number(value) / 60 : value
  }
  return { ...shown, days: rule.days, hours: rule.hours.join(', ') }
}

/** What the form asks the server: an empty field is one that the rule does without. */
export function asked(rule: Pick<RuleRow, 'code' | 'kind'>, values: Values, start: Date, end: Date): TrialIn {
  const given: Record<string, unknown> = 'side' in values ? { side: values.side } : {}
  for (const { name, unit } of settingsOf(rule.kind)) {
    const value = values[name] ?? ''
    given[name] = value === '' ? null : unit === 'minutes' ? Math.round(Number(value) * 60) : Number(value)
  }
  given.days = values.days || null
  given.hours = hoursOf(String(values.hours ?? ''))
  return { ...given, code: rule.code, start: start.toISOString(), end: end.toISOString() } as TrialIn
}
