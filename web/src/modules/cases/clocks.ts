/** How the clocks of a case are drawn and told. */
import type { CaseRow, ClockNow } from '@/api/cases'
import { inLanguage, say } from '@/locales'
import type { State } from '@/ui/lights'
import { spanWords } from '@/ui/spans'
import { number } from '@/ui/formats'

/** DOMAIN 1.7: running clocks are green, yellow, red; finished ones blue (in time) or red; suspended ones grey. */
const LIGHTS: Record<string, State> = { green: 'ok', yellow: 'att', red: 'bad', blue: 'ok', grey: 'stale' }

export const stateOfLight = (light: string | null | undefined): State => (light && LIGHTS[light]) || 'unknown'

/** Hours in a day of a clock: days only where its limit counts in days, as long as the city's office hours make them. */
function dayHours(clock: ClockNow): number {
  const limit = Number(clock.limit)
  return clock.unit.endsWith('_DAY') && limit > 0 ? clock.limit_minutes / 60 / limit : Infinity
}

/** "3 h 20 min left" or "overdue by 22 min", counted in the clock's own time. */
export function leftOf(clock: ClockNow): string {
  const words = spanWords(clock.remaining_minutes * 60, dayHours(clock))
  if (!clock.running) return say('cases.clock.used', { span: usedOf(clock) })
  return say(clock.remaining_minutes >= 0 ? 'common.span.left' : 'common.span.over', { span: words })
}

export const usedOf = (clock: ClockNow): string => spanWords(clock.used_minutes * 60, dayHours(clock))

export const limitOf = (clock: ClockNow): string =>
  say('cases.clock.limit', { limit: number(clock.limit), unit: inLanguage(clock.unit_name) })

/** The clock that a row of the list tells: that of its step, else the one that is evaluated. */
export const clockOf = (row: CaseRow): ClockNow | null => row.clock ?? row.disposal
