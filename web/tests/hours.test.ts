import { describe, expect, it } from 'vitest'
import { schedules, slotsOf, slotsText } from '@/modules/settings/hours'

describe('office hours', () => {
  it('are read as people type them', () => {
    expect(slotsOf('8:00-12:00, 14:00–18:00')).toEqual([['08:00', '12:00'], ['14:00', '18:00']])
    expect(slotsOf('08:00-12:00；14:00-18:00')).toEqual([['08:00', '12:00'], ['14:00', '18:00']])
    expect(slotsOf('morning')).toBeNull()
    expect(slotsOf('')).toBeNull()
  })
  it('are written as they can be read again, the oldest schedule first', () => {
    const found = schedules([
      { from: '2026-06-01', slots: [['07:30', '11:30']] },
      { from: '2000-01-01', slots: [['08:00', '12:00'], ['14:00', '18:00']] },
    ])
    expect(found.map((row) => row.since)).toEqual(['2000-01-01', '2026-06-01'])
    expect(slotsOf(slotsText(found[0]?.slots ?? []))).toEqual(found[0]?.slots)
  })
})
