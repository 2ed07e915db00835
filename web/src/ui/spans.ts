/** Spans in words of the language spoken, and what is left until a deadline. */
import { say } from '@/locales'
import type { State } from './lights'
import { span } from './times'

/** "1 d 2 h", "3 h 20 min", "56 min": the two largest parts. */
export function spanWords(seconds: number, dayHours = 24): string {
  const { days, hours, minutes } = span(seconds, dayHours)
  if (days) return say(hours ? 'common.span.days_hours' : 'common.span.days', { days, hours })
  if (hours) return say(minutes ? 'common.span.hours_minutes' : 'common.span.hours', { hours, minutes })
  return minutes ? say('common.span.minutes', { minutes }) : say('common.span.less')
}

/** "56 min left" or "overdue by 22 min", from a deadline in natural time. */
export function leftWords(deadline: string, now: number): string {
  const seconds = (new Date(deadline).getTime() - now) / 1000
  return say(seconds >= 0 ? 'common.span.left' : 'common.span.over', { span: spanWords(seconds) })
}

/** The light of a deadline in natural time: red once it is over, amber in its last third. */
export function deadlineState(start: string, deadline: string, now: number): State {
  const from = new Date(start).getTime()
  const until = new Date(deadline).getTime()
  if (now >= until) return 'bad'
  return until > from && (now - from) / (until - from) >= 0.7 ? 'att' : 'ok'
}
