import { createPinia, setActivePinia } from 'pinia'
import { nextTick } from 'vue'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useDraft } from '@/stores/draft'
import { useSession } from '@/stores/session'

const answer = (user: number, post: number, run: number): unknown => ({
  user: { id: user }, posts: [{ id: post }], post_id: post, permissions: [], city: null, run: { id: run }, csrf_token: 'token',
})
// The network is replaced before the client takes hold of it.
const answers = vi.hoisted(() => {
  const waiting: unknown[] = []
  vi.stubGlobal('fetch', () =>
    Promise.resolve(new Response(JSON.stringify(waiting.shift()), { headers: { 'Content-Type': 'application/json' } })),
  )
  return waiting
})

describe('a draft', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    sessionStorage.clear()
    answers.length = 0
  })
  it.each([
    ['the same person in the same run', [5, 1, 1], 'bridge down'],
    ['real life after a drill', [5, 1, 2], ''],
    ['another post', [5, 2, 1], ''],
    ['another person', [6, 1, 1], ''],
  ] as const)('is found by %s only as it should be', async (_, [user, post, run], found) => {
    const session = useSession()
    answers.push(answer(5, 1, 1), answer(user, post, run))
    await session.load()
    useDraft('report', { words: '' }).form.words = 'bridge down'
    await nextTick()
    await session.load()
    expect(useDraft('report', { words: '' }).form.words).toBe(found)
  })
})
