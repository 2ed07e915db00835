import { describe, expect, it } from 'vitest'
import { lightOfShare, rampEdges, rampOf, stateOf } from '@/ui/lights'

describe('lights', () => {
  it('is green below 70 %, amber to 100 %, red from there, unknown without a share', () => {
    expect(lightOfShare(0)).toBe('ok')
    expect(lightOfShare(0.699)).toBe('ok')
    expect(lightOfShare(0.7)).toBe('att')
    expect(lightOfShare(0.999)).toBe('att')
    expect(lightOfShare(1)).toBe('bad')
    expect(lightOfShare(null)).toBe('unknown')
    expect(lightOfShare(Number.NaN)).toBe('unknown')
  })
  it('draws a word that it does not know as unknown, never as fine', () => {
    expect(stateOf('green')).toBe('ok')
    expect(stateOf('yellow')).toBe('att')
    expect(stateOf('red')).toBe('bad')
    expect(stateOf('stale')).toBe('stale')
    expect(stateOf('purple')).toBe('unknown')
    expect(stateOf(null)).toBe('unknown')
  })
  it('has a step of the ramp for each value, and none for unknown', () => {
    const edges: [number, number, number] = [80, 85, 90]
    expect([79.9, 80, 84.9, 85, 89.9, 90].map((value) => rampOf(value, edges))).toEqual([1, 2, 2, 3, 3, 4])
    expect(rampOf(null, edges)).toBeNull()
  })
  it('cuts the ramp at round numbers that hold all values', () => {
    expect(rampEdges([77.4, 82.1, 89.3])).toEqual([80, 85, 90])
    expect(rampEdges([62, 62.5])).toEqual([63, 64, 65])
    expect(rampEdges([5, 96])).toEqual([25, 50, 75])
    expect(rampEdges([70.9, 99.9])).toEqual([80, 90, 100])
    expect(rampEdges([70.9, 99.9], 100)).toEqual([70, 80, 90])
    expect(rampEdges([null])).toEqual([80, 85, 90])
  })
})
