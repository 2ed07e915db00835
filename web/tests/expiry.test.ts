import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useSession } from '@/stores/session'

const answer = (user: { id: number } | null): unknown => ({
  user, posts: [], post_id: null, permissions: [], city: null, run: null, csrf_token: 'token',
})
// The network is replaced before the client takes hold of it.
const answers = vi.hoisted(() => {
  const waiting: unknown[] = []
  vi.stubGlobal('fetch', () =>
    Promise.resolve(new Response(JSON.stringify(waiting.shift()), { headers: { 'Content-Type': 'application/json' } })),
  )
  return waiting
})

describe('a session that ended while somebody was at work', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    answers.length = 0
  })
  it('asks for the password over the screen, which stays', async () => {
    const session = useSession()
    answers.push(answer({ id: 5 }), answer(null), answer({ id: 5 }))
    await session.load()
    const before = session.epoch
    await session.load()
    expect([session.expired, session.user?.id]).toEqual([true, 5])
    await session.load()
    expect([session.expired, session.epoch]).toEqual([false, before])
  })
  it('is over for good after signing out', async () => {
    const session = useSession()
    answers.push(answer({ id: 5 }), {}, answer(null))
    await session.load()
    await session.logout()
    expect([session.expired, session.user]).toEqual([false, null])
  })
})
