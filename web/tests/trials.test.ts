import { describe, expect, it } from 'vitest'
import { asked, hoursOf, settingsOf, sidesOf, valuesOf } from '@/modules/sensing/trials'

const START = new Date('2026-06-01T00:00:00Z')
const END = new Date('2026-07-01T00:00:00Z')
const SPAN = { code: 'high', start: '2026-06-01T00:00:00.000Z', end: '2026-07-01T00:00:00.000Z' }

describe('a rule to try', () => {
  const high = { code: 'high', kind: 'threshold', settings: { side: 'above', raise_at: 75, clear_at: 50, duration_seconds: 90 }, recurrence_seconds: 1800, days: '', hours: [] }
  it('is shown with its spans in minutes', () => {
    expect(valuesOf(high)).toEqual({ side: 'above', raise_at: 75, clear_at: 50, duration_seconds: 1.5, broken_samples: '', of_samples: '', recurrence_seconds: 30, days: '', hours: '' })
  })
  it('is asked for as it is shown', () => {
    expect(asked(high, valuesOf(high), START, END)).toEqual({ ...SPAN, ...high.settings, broken_samples: null, of_samples: null, recurrence_seconds: 1800, days: null, hours: [] })
  })
  it('does without what was emptied', () => {
    expect(asked(high, { ...valuesOf(high), duration_seconds: '' }, START, END).duration_seconds).toBeNull()
  })
  it('takes hours as people write them', () => {
    expect(hoursOf('22:00–06:00，12:00-13:00 ')).toEqual(['22:00-06:00', '12:00-13:00'])
  })
  it('has the settings of its kind alone', () => {
    const silent = { code: 'high', kind: 'silence', settings: { missed: 6 }, recurrence_seconds: 60, days: 'off_days', hours: ['22:00-06:00'] }
    expect(asked(silent, valuesOf(silent), START, END)).toEqual({ ...SPAN, missed: 6, recurrence_seconds: 60, days: 'off_days', hours: ['22:00-06:00'] })
    expect(sidesOf('silence')).toEqual([])
    expect(sidesOf('rate')).toContain('both')
    expect(settingsOf('deviation').map(({ name }) => name)).not.toContain('raise_at')
  })
})
