import { describe, expect, it } from 'vitest'
import { newRows } from '@/stores/pages'

const key = (row: number): number => row

describe('the chip counts rows, not news', () => {
  it.each([
    ['nothing changed', [1, 2, 3], [1, 2, 3], false, 0],
    ['a new row stands first and pushes the last one out', [9, 1, 2], [1, 2, 3], false, 1],
    ['one left, and the next page moves up: nothing is new', [1, 3, 4], [1, 2, 3], false, 0],
    ['a new row stands in the middle, by its deadline', [1, 9, 2], [1, 2, 3], false, 1],
    ['all is read, so whatever is unknown is new', [1, 2, 3, 4], [1, 2, 3], true, 1],
    ['all of the page is new', [7, 8, 9], [1, 2, 3], false, 3],
  ])('%s', (_, page, shown, whole, count) => {
    expect(newRows(page, shown, key, whole)).toBe(count)
  })
})
