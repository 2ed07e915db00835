/** The time axis of a situation: round marks, and labels that tell neighbours apart. */
import { dayTime, time, timeSeconds } from '@/ui/times'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 10, 30].map((n) => n * DAY),
]
const LEAST = 20 * SECOND
const ROOM = 0.08

export interface Axis {
  low: number
  high: number
  ticks: { at: number; label: string }[]
}

/** An axis for these times (ms), with at most `most` marks; `shift` is how far the city's clock is ahead of UTC, in ms. */
export function axisOf(times: number[], most = 7, shift = 0): Axis {
  const first = Math.min(...times)
  const last = Math.max(...times)
  const room = Math.max((last - first) * ROOM, (LEAST - (last - first)) / 2, 2 * SECOND)
  const low = first - room
  const high = last + room
  const step = STEPS.find((one) => (high - low) / one < most + 0.5) ?? Math.ceil((high - low) / most / DAY) * DAY
  const label = (at: number): string => (high - low > DAY ? dayTime(at) : step < MINUTE ? timeSeconds(at) : time(at))
  const ticks = []
  for (let at = Math.ceil((low + shift) / step) * step - shift; at <= high; at += step) ticks.push({ at, label: label(at) })
  return { low, high, ticks }
}
