import { describe, expect, it } from 'vitest'
import { EventCutter } from '@/api/stream'

describe('the event stream', () => {
  it('puts together what the network cut, and passes over comments', () => {
    const cutter = new EventCutter()
    expect(cutter.cut('retry: 2000\n\n: still here\n\ndata: {"a"')).toEqual([])
    expect(cutter.cut(':1}\n')).toEqual([])
    expect(cutter.cut('\ndata: {"b":2}\n\n')).toEqual(['{"a":1}', '{"b":2}'])
  })
  it('joins the lines of one event', () => {
    expect(new EventCutter().cut('data: 1\ndata: 2\n\n')).toEqual(['1\n2'])
  })
})
