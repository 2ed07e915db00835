import { describe, expect, it } from 'vitest'
import { askedBy, addressOf } from '@/modules/cockpit/explain/shown'
import { spread, within } from '@/ui/map/geometry'

const far = (a: { x: number; y: number }, b: { x: number; y: number }): number => Math.hypot(a.x - b.x, a.y - b.y)

describe('pins step aside', () => {
  it('leaves alone what is far enough apart', () => {
    expect(spread([{ x: 0, y: 0 }, { x: 50, y: 0 }], [], 36)).toEqual([{ x: 0, y: 0 }, { x: 0, y: 0 }])
  })
  it('parts three pins at one place and two close ones', () => {
    const spots = [{ x: 10, y: 10 }, { x: 10, y: 10 }, { x: 10, y: 10 }, { x: 30, y: 10 }]
    const at = spread(spots, [], 36).map((by, index) => ({ x: (spots[index]?.x ?? 0) + by.x, y: (spots[index]?.y ?? 0) + by.y }))
    at.forEach((one, index) => {
      for (const other of at.slice(index + 1)) expect(far(one, other)).toBeGreaterThan(35.5)
    })
  })
  it('leaves a figure free', () => {
    const [by] = spread([{ x: 100, y: 105 }], [{ x: 100, y: 100, wide: 50, high: 20 }], 36)
    expect(Math.abs(5 + (by?.y ?? 0))).toBeGreaterThanOrEqual(38)
  })
})

describe('within', () => {
  it.each([
    [5, 0, 10, 5],
    [-5, 0, 10, 0],
    [15, 0, 10, 10],
    [15, 20, 10, 15],
  ])('%d between %d and %d is %d', (value, low, high, found) => {
    expect(within(value, low, high)).toBe(found)
  })
})

describe('an explanation has an address', () => {
  it('is found again by it', () => {
    expect(askedBy(addressOf('sign', 'AI01'))).toEqual({ kind: 'sign', code: 'AI01' })
    expect(askedBy(addressOf('needs'))).toEqual({ kind: 'needs', code: '' })
  })
  it.each(['', '#', '#nothing', '#nothing:5'])('"%s" asks for nothing', (hash) => {
    expect(askedBy(hash)).toBeNull()
  })
})
