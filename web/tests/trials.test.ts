import { describe, expect, it } from 'vitest'
import { asked, settingsOf, sidesOf, valuesOf } from '@/modules/sensing/trials'

const START = new Date('2026-06-01T00:00:00Z')
const END = new Date('2026-07-01T00:00:00Z')
const SPAN = { code: 'high', start: '2026-06-01T00:00:00.000Z', end: '2026-07-01T00:00:00.000Z' }

describe('a rule to try', () => {
  const high = { code: 'high', kind: 'threshold', settings: { side: 'above', raise_at: 75, clear_at: 50, duration_seconds: 90 }, recurrence_seconds: 1800 }
  it('is shown with its spans in minutes', () => {
    expect(valuesOf(high)).toEqual({ side: 'above', raise_at: 75, clear_at: 50, duration_seconds: 1.5, recurrence_seconds: 30 })
  })
  it('is asked for as it is shown', () => {
    expect(asked(high, valuesOf(high), START, END)).toEqual({ ...SPAN, ...high.settings, recurrence_seconds: 1800 })
  })
  it('does without what was emptied', () => {
    expect(asked(high, { ...valuesOf(high), duration_seconds: '' }, START, END).duration_seconds).toBeNull()
  })
  it('has the settings of its kind alone', () => {
    const silent = { code: 'high', kind: 'silence', settings: { missed: 6 }, recurrence_seconds: 60 }
    expect(asked(silent, valuesOf(silent), START, END)).toEqual({ ...SPAN, missed: 6, recurrence_seconds: 60 })
    expect(sidesOf('silence')).toEqual([])
    expect(sidesOf('rate')).toContain('both')
    expect(settingsOf('deviation').map(({ name }) => name)).not.toContain('raise_at')
  })
})
