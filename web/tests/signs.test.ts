import { describe, expect, it } from 'vitest'
import type { Indicator } from '@/api/indicators'
import { quotientOf, stateOfScore, sumOf } from '@/ui/signs'

const made = (numerator: string | null, factor: number): Pick<Indicator, 'definition' | 'sign'> =>
  ({
    definition: { factor, places: 1, unit: { zh: '%', en: '%' } },
    sign: { newest: { numerator, denominator: '8', value: '75.0' } },
  }) as unknown as Pick<Indicator, 'definition' | 'sign'>

describe('how a figure is reckoned', () => {
  it('writes a sum of weights and scores with what is known', () => {
    const parts = [{ score: '90', weight: '0.6' }, { score: null, weight: '0.2' }, { score: '70.5', weight: '0.2' }]
    expect(sumOf(parts, '83.1')).toBe('60.0% × 90.0 + 20.0% × 70.5 = 83.1')
    expect(sumOf(parts, null)).toBe('')
    expect(sumOf([{ score: null, weight: '1' }], '1')).toBe('')
  })
  it('writes a quotient with its factor where there is one', () => {
    expect(quotientOf(made('6', 100))).toBe('6 ÷ 8 × 100 = 75.0 %')
    expect(quotientOf(made('6', 1))).toBe('6 ÷ 8 = 75.0 %')
    expect(quotientOf(made(null, 1))).toBe('')
  })
  it('wants attention below the target of the city, whatever that is', () => {
    expect(stateOfScore('79.9', '80')).toBe('att')
    expect(stateOfScore('79.9', '75')).toBeNull()
    expect(stateOfScore(null, '80')).toBe('unknown')
  })
})
