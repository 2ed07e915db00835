import { describe, expect, it } from 'vitest'
import { asProblem, problemOf } from '@/api/problems'

describe('problems', () => {
  it('keep code, sentence, field and remedy', () => {
    const problem = problemOf(422, {
      code: 'invalid',
      detail: 'It does not fit.',
      errors: [{ field: 'payload.opinion', message: 'Too short.', remedy: 'Say more.' }],
      correlation: 'abc',
    })
    expect(problem.message).toBe('It does not fit.')
    expect(problem.of('opinion')?.remedy).toBe('Say more.')
    expect(problem.correlation).toBe('abc')
  })
  it('keep their status when the answer has another shape', () => {
    expect(problemOf(502, '<html>').code).toBe('fault')
    expect(problemOf(404, null).status).toBe(404)
  })
  it('tell a network that does not answer from a fault', () => {
    expect(asProblem(new TypeError('Failed to fetch')).code).toBe('unreachable')
    expect(asProblem(new Error('x')).code).toBe('fault')
  })
})
