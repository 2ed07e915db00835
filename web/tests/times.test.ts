import { beforeEach, describe, expect, it } from 'vitest'
import { brief, date, dateTime, day, fromCity, setZone, span, time, timeSeconds, weekday } from '@/ui/times'

const MOMENT = '2026-07-15T06:36:20Z'

describe('times in the city', () => {
  beforeEach(() => {
    setZone('Asia/Shanghai')
  })
  it('writes them in the zone of the city, not of the browser', () => {
    expect(time(MOMENT)).toBe('14:36')
    expect(timeSeconds(MOMENT)).toBe('14:36:20')
    expect(day(MOMENT)).toBe('07-15')
    expect(date(MOMENT)).toBe('2026-07-15')
    expect(dateTime(MOMENT)).toBe('2026-07-15 14:36')
    expect(weekday(MOMENT)).toBe(3)
    setZone('America/New_York')
    expect(time(MOMENT)).toBe('02:36')
  })
  it('reads what a form gives as the city means it, also across a change of offset', () => {
    expect(fromCity('2026-07-15T14:36')).toBe('2026-07-15T06:36:00.000Z')
    expect(fromCity('2026-07-15')).toBe('2026-07-14T16:00:00.000Z')
    expect(fromCity('soon')).toBeNull()
    setZone('America/New_York')
    expect(fromCity('2026-03-08T12:00')).toBe('2026-03-08T16:00:00.000Z')
  })
  it('takes midnight as 00, not 24', () => {
    expect(time('2026-07-14T16:00:00Z')).toBe('00:00')
  })
  it('drops what the reader knows', () => {
    expect(brief(MOMENT, '2026-07-15T10:00:00Z')).toBe('14:36')
    expect(brief(MOMENT, '2026-07-16T10:00:00Z')).toBe('07-15 14:36')
    expect(brief(MOMENT, '2027-01-01T10:00:00Z')).toBe('2026-07-15')
  })
  it('shows a missing or broken time as the dash', () => {
    for (const missing of [null, undefined, '', 'never']) expect(time(missing)).toBe('—')
  })
  it('counts spans, also in working days of eight hours', () => {
    expect(span(3 * 3600 + 20 * 60 + 59)).toEqual({ days: 0, hours: 3, minutes: 20 })
    expect(span(-26 * 3600)).toEqual({ days: 1, hours: 2, minutes: 0 })
    expect(span(10 * 3600, 8)).toEqual({ days: 1, hours: 2, minutes: 0 })
  })
})
