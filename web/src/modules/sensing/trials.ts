/** The settings of a rule as a form has them: spans in minutes, everything as a number or empty. */
import type { RuleRow, RuleWanted, TrialIn } from '@/api/sensing'

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

export const KINDS = ['threshold', 'rate', 'deviation', 'silence'] as const
export const LEVELS = ['severe', 'major', 'minor'] as const

/** A rule as the editor holds it. */
export interface Edited {
  name_zh: string
  name_en: string
  kind: (typeof KINDS)[number]
  device_type: string
  property: string
  level: (typeof LEVELS)[number]
  category: string
  within: string
  devices: string
  suppresses: boolean
  values: Values
}

/** A rule in force to be changed, or a new one. */
export function startOf(rule: RuleRow | null): Edited {
  return {
    name_zh: rule?.name.zh ?? '', name_en: rule?.name.en ?? '', kind: (rule?.kind as Edited['kind'] | undefined) ?? 'threshold',
    device_type: rule?.device_type ?? '', property: rule?.property ?? '', level: (rule?.level as Edited['level'] | undefined) ?? 'minor',
    category: rule?.category ?? '', within: rule?.within ?? '', devices: rule?.devices.join(', ') ?? '', suppresses: rule?.suppresses ?? false,
    values: rule ? { weeks: rule.settings.weeks ?? 4, ...valuesOf(rule) } : { side: 'above', weeks: 4, recurrence_seconds: 60, days: '', hours: '' },
  }
}

/** What the editor asks the server to put into force. */
export function wantedOf(edited: Edited, rule: RuleRow | null): RuleWanted {
  const { values, devices, ...plain } = edited
  const settings = settingsGiven(edited.kind, values)
  const weeks = edited.kind === 'deviation' ? { weeks: Number(values.weeks) } : {}
  return { ...plain, ...settings, ...weeks, devices: hoursOf(devices), ...(rule ? { code: rule.code } : {}) } as RuleWanted
}

/** The settings of a rule of this kind as the server has them: an empty field is one that the rule does without. */
function settingsGiven(kind: string, values: Values): Record<string, unknown> {
  const given: Record<string, unknown> = sidesOf(kind).length && 'side' in values ? { side: values.side } : {}
  for (const { name, unit } of settingsOf(kind)) {
    const value = values[name] ?? ''
    given[name] = value === '' ? null : unit === 'minutes' ? Math.round(Number(value) * 60) : Number(value)
  }
  return { ...given, days: values.days || null, hours: hoursOf(String(values.hours ?? '')) }
}

/** What a trial of a rule in force asks the server. */
export const asked = (rule: Pick<RuleRow, 'code' | 'kind'>, values: Values, start: Date, end: Date): TrialIn =>
  ({ ...settingsGiven(rule.kind, values), code: rule.code, start: start.toISOString(), end: end.toISOString() }) as TrialIn
