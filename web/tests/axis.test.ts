import { describe, expect, it } from 'vitest'
import { axisOf } from '@/modules/intake/axis'
import { aheadOfUtc } from '@/ui/times'

const at = (text: string): number => new Date(`${text}+08:00`).getTime()
const labels = (...times: string[]): string[] => {
  const found = times.map(at)
  return axisOf(found, 7, aheadOfUtc(found[0])).ticks.map((tick) => tick.label)
}

describe('the axis of a situation', () => {
  it('shows seconds where the span is short, and no label twice', () => {
    const found = labels('2026-11-30T01:08:48', '2026-11-30T01:08:51')
    expect(found).toContain('01:08:50')
    expect(new Set(found).size).toBe(found.length)
  })

  it('stands around a single signal', () => {
    const found = labels('2026-11-30T01:08:48')
    expect(found.length).toBeGreaterThan(2)
    expect(new Set(found).size).toBe(found.length)
  })

  it('has round marks', () => {
    expect(labels('2026-07-15T14:21:08', '2026-07-15T14:33:20')).toEqual([
      '14:22', '14:24', '14:26', '14:28', '14:30', '14:32', '14:34',
    ])
  })

  it('names the day where the span crosses days, at round hours of the city', () => {
    const found = labels('2026-11-27T15:00:00', '2026-11-29T09:00:00')
    expect(found).toContain('11-28 00:00')
    expect(found.length).toBeLessThanOrEqual(7)
  })

  it.each([1, 7, 59, 61, 600, 3600, 86_400, 900_000])('never repeats a label over %i s', (seconds) => {
    const first = at('2026-11-27T15:03:07')
    const found = axisOf([first, first + seconds * 1000], 7, aheadOfUtc(first)).ticks.map((tick) => tick.label)
    expect(new Set(found).size).toBe(found.length)
    expect(found.length).toBeGreaterThan(0)
  })
})
