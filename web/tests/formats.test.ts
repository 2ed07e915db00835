import { describe, expect, it } from 'vitest'
import { bytes, change, cost, DASH, MINUS, number, percent, ratio, THIN } from '@/ui/formats'

describe('number', () => {
  it('puts thin spaces between thousands', () => {
    expect(number(12408)).toBe(`12${THIN}408`)
    expect(number(1234567.5, 1)).toBe(`1${THIN}234${THIN}567.5`)
    expect(number(999)).toBe('999')
  })
  it('writes a true minus, and no minus before a rounded zero', () => {
    expect(number(-0.8)).toBe(`${MINUS}0.8`)
    expect(number(-0.04, 1)).toBe('0.0')
  })
  it('shows what is unknown as the dash, and a known zero as zero', () => {
    for (const unknown of [null, undefined, '', 'x', Number.NaN, Infinity]) expect(number(unknown)).toBe(DASH)
    expect(number(0)).toBe('0')
    expect(number('0.0', 1)).toBe('0.0')
  })
  it('keeps the digits of exact decimals that come as text', () => {
    expect(number('84.80', 2)).toBe('84.80')
    expect(number('84.80')).toBe('84.8')
  })
})

describe('change, percent, ratio', () => {
  it('gives a change its sign and no change the dash', () => {
    expect(change(3)).toBe('+3')
    expect(change(-0.8, 1)).toBe(`${MINUS}0.8`)
    expect(change(0)).toBe(DASH)
    expect(cost('0.31')).toBe(`${MINUS}0.3`)
    expect(cost(0)).toBe('0.0')
    expect(cost(null)).toBe(DASH)
    expect(change(null)).toBe(DASH)
  })
  it('turns shares into per cent', () => {
    expect(percent(0.936)).toBe('93.6')
    expect(percent(1, 0)).toBe('100')
    expect(percent(null)).toBe(DASH)
  })
  it('shows both numbers of a rate', () => {
    expect(ratio(58, 62)).toBe('58 / 62')
    expect(ratio(null, 62)).toBe(`${DASH} / 62`)
  })
  it('writes sizes', () => {
    expect(bytes(512)).toBe('512 B')
    expect(bytes(1536)).toBe('1.5 KB')
    expect(bytes(3 * 1024 * 1024)).toBe('3.0 MB')
  })
})
