/** Times as the city reads them: 14:36, 07-15, and years only where needed. All in the city's zone. */
import { DASH } from './formats'

export type When = string | number | Date | null | undefined

interface Parts {
  year: string
  month: string
  day: string
  hour: string
  minute: string
  second: string
  weekday: number
}

let zone = 'Asia/Shanghai'
let maker: Intl.DateTimeFormat | null = null

/** Set the city's zone; every time written from now on is in it. */
export function setZone(name: string): void {
  zone = name
  maker = null
}

export const cityZone = (): string => zone

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']

function parts(when: When): Parts | null {
  if (when === null || when === undefined || when === '') return null
  const date = when instanceof Date ? when : new Date(when)
  if (Number.isNaN(date.getTime())) return null
  maker ??= new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    weekday: 'short',
  })
  const found: Record<string, string> = {}
  for (const part of maker.formatToParts(date)) found[part.type] = part.value
  return {
    year: found.year ?? '',
    month: found.month ?? '',
    day: found.day ?? '',
    hour: found.hour ?? '',
    minute: found.minute ?? '',
    second: found.second ?? '',
    weekday: WEEKDAYS.indexOf(found.weekday ?? ''),
  }
}

/** 14:36 */
export function time(when: When): string {
  const p = parts(when)
  return p ? `${p.hour}:${p.minute}` : DASH
}

/** 14:36:20 */
export function timeSeconds(when: When): string {
  const p = parts(when)
  return p ? `${p.hour}:${p.minute}:${p.second}` : DASH
}

/** 07-15 */
export function day(when: When): string {
  const p = parts(when)
  return p ? `${p.month}-${p.day}` : DASH
}

/** 2026-07-15 */
export function date(when: When): string {
  const p = parts(when)
  return p ? `${p.year}-${p.month}-${p.day}` : DASH
}

/** The day since which something holds; empty for the first of days, which stands for "since ever". */
export const since = (when: When): string => (date(when) > '2000-01-01' ? date(when) : '')

/** 2026-07-15 14:36 */
export function dateTime(when: When): string {
  const p = parts(when)
  return p ? `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}` : DASH
}

/** 07-15 14:36 */
export function dayTime(when: When): string {
  const p = parts(when)
  return p ? `${p.month}-${p.day} ${p.hour}:${p.minute}` : DASH
}

/** How far the city's clock is ahead of UTC at a moment, in ms. */
export function aheadOfUtc(when: When): number {
  const p = parts(when)
  if (!p || when === null || when === undefined) return 0
  const own = Date.UTC(Number(p.year), Number(p.month) - 1, Number(p.day), Number(p.hour), Number(p.minute), Number(p.second))
  return own - Math.floor(new Date(when).getTime() / 1000) * 1000
}

/** As short as it stays clear beside `now`: 14:36 today, 07-15 14:36 this year, 2025-07-15 else. */
export function brief(when: When, now: When): string {
  const p = parts(when)
  const n = parts(now)
  if (!p) return DASH
  if (!n || p.year !== n.year) return `${p.year}-${p.month}-${p.day}`
  const clock = `${p.hour}:${p.minute}`
  return p.month === n.month && p.day === n.day ? clock : `${p.month}-${p.day} ${clock}`
}

/** As `brief`, to the second: 14:36:20 today, 07-15 14:36:20 else. */
export function briefSeconds(when: When, now: When): string {
  const p = parts(when)
  const n = parts(now)
  if (!p) return DASH
  const clock = `${p.hour}:${p.minute}:${p.second}`
  if (n && p.year === n.year && p.month === n.month && p.day === n.day) return clock
  return n && p.year === n.year ? `${p.month}-${p.day} ${clock}` : `${p.year}-${p.month}-${p.day} ${clock}`
}

/** From when to when, as short as it stays clear: 14:21–14:33, 07-14 22:10 – 07-15 00:05, one time where both are the same. */
export function spanOf(first: When, last: When, now: When): string {
  const a = parts(first)
  const b = parts(last)
  if (!a || !b) return DASH
  const from = brief(first, now)
  if (a.year === b.year && a.month === b.month && a.day === b.day) {
    return time(first) === time(last) || a.year !== parts(now)?.year ? from : `${from}–${time(last)}`
  }
  return `${from} – ${brief(last, now)}`
}

/** 0 for Sunday to 6 for Saturday, in the city. */
export function weekday(when: When): number | null {
  return parts(when)?.weekday ?? null
}

/** A local time of the city as a form gives it, `2026-07-15T14:36` or a day alone, as UTC; null for what is no time. */
export function fromCity(local: string): string | null {
  // Parsers forgive words: "soon" would be a day of the year 2000.
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$/.test(local)) return null
  const wanted = Date.parse(`${local.length === 10 ? `${local}T00:00` : local}:00Z`)
  if (Number.isNaN(wanted)) return null
  let found = wanted
  // The offset of the guess may be that of the other side of a change of offset: the second round mends it.
  for (let round = 0; round < 2; round += 1) found = wanted - aheadOfUtc(found)
  return new Date(found).toISOString()
}

export interface Span {
  days: number
  hours: number
  minutes: number
}

/** Whole days, hours and minutes of a span in seconds; a day has `dayHours` hours. */
export function span(seconds: number, dayHours = 24): Span {
  const minutes = Math.floor(Math.abs(seconds) / 60)
  const perDay = dayHours * 60
  return {
    days: Math.floor(minutes / perDay),
    hours: Math.floor((minutes % perDay) / 60),
    minutes: minutes % 60,
  }
}
