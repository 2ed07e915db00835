/** The settings of a rule as a form has them: spans in minutes, everything as a number or empty. */
import type { RuleRow, TrialIn } from '@/api/sensing'

export interface Setting {
  name: string
  /** A key of the catalogue, or the unit of what is measured. */
  unit: '' | 'minutes' | 'times' | 'cadences' | 'samples' | 'measured'
}
export type Values = Record<string, number | string>

const setting = (name: string, unit: Setting['unit']): Setting => ({ name, unit })
const DURATION = setting('duration_seconds', 'minutes')
const BY_KIND: Record<string, Setting[]> = {
  threshold: [setting('raise_at', 'measured'), setting('clear_at', 'measured'), DURATION],
  rate: [setting('change', 'measured'), setting('clear_change', 'measured'), setting('window_seconds', 'minutes')],
  deviation: [setting('k', 'times'), setting('clear_k', 'times'), setting('least_spread', 'measured'), setting('least_samples', 'samples'), DURATION],
  silence: [setting('missed', 'cadences')],
}

/** What may be changed of a rule of this kind, besides its side. */
export const settingsOf = (kind: string): Setting[] => [...(BY_KIND[kind] ?? []), setting('recurrence_seconds', 'minutes')]

/** The sides that a rule of this kind may look at. */
export const sidesOf = (kind: string): string[] => (kind === 'silence' ? [] : kind === 'threshold' ? ['above', 'below'] : ['above', 'below', 'both'])

/** A rule in force as the form shows it. */
export function valuesOf(rule: Pick<RuleRow, 'kind' | 'settings' | 'recurrence_seconds'>): Values {
  const stored: Values = { ...rule.settings, recurrence_seconds: rule.recurrence_seconds }
  const shown: Values = sidesOf(rule.kind).length ? { side: stored.side ?? '' } : {}
  for (const { name, unit } of settingsOf(rule.kind)) {
    const value = stored[name] ?? ''
    shown[name] = unit === 'minutes' && value !== '' ? Number(value) / 60 : value
  }
  return shown
}

/** What the form asks the server: an empty field is one that the rule does without. */
export function asked(rule: Pick<RuleRow, 'code' | 'kind'>, values: Values, start: Date, end: Date): TrialIn {
  const given: Record<string, unknown> = 'side' in values ? { side: values.side } : {}
  for (const { name, unit } of settingsOf(rule.kind)) {
    const value = values[name] ?? ''
    given[name] = value === '' ? null : unit === 'minutes' ? Math.round(Number(value) * 60) : Number(value)
  }
  return { ...given, code: rule.code, start: start.toISOString(), end: end.toISOString() } as TrialIn
}
