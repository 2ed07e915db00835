import { describe, expect, it } from 'vitest'
import { withGaps } from '@/modules/sensing/gaps'

const point = (minute: number, value: number) => ({
  at: new Date(Date.UTC(2026, 5, 15, 1, minute)).toISOString(),
  value,
  minimum: value,
  maximum: value,
})

describe('a series with missing readings', () => {
  it('breaks its line where readings are missing, and draws a lone one as a dot', () => {
    const drawn = withGaps([point(0, 1), point(1, 2), point(9, 3), point(20, 4), point(21, 5)], 60_000)
    expect(drawn.map((one) => one.value)).toEqual([1, 2, null, 3, null, 4, 5])
    expect(drawn.filter((one) => one.alone).map((one) => one.value)).toEqual([3])
  })
  it('leaves a whole series as it is', () => {
    expect(withGaps([point(0, 1), point(1, 2)], 60_000).map((one) => one.value)).toEqual([1, 2])
    expect(withGaps([], 60_000)).toEqual([])
  })
})
