/** Reading for a screen: once, again on facts, on a healed stream, on other rights; never after it is gone. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problems'
import { useLive } from './live'
import { useSession } from './session'

export interface Loaded<T> {
  data: ShallowRef<T | null>
  problem: ShallowRef<Problem | null>
  loading: Ref<boolean>
  /** When the data was read, by this machine's clock. */
  readAt: Ref<number | null>
  reload: () => Promise<void>
}

export interface LoadOptions {
  /** Read again when a fact with one of these prefixes comes, e.g. `cases.`; at most once in `calm` ms. */
  facts?: string[]
  /** Only facts about this subject, e.g. `cases:5`. */
  about?: () => string
  calm?: number
  /** Read again every so many ms. */
  every?: number
  /** Read when this changes; what was shown before is dropped. */
  on?: () => unknown
  /** Ask only when this is true. */
  when?: () => boolean
}

export function useLoad<T>(ask: () => Promise<T>, options: LoadOptions = {}): Loaded<T> {
  const data = shallowRef<T | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loading = ref(false)
  const readAt = ref<number | null>(null)
  const live = useLive()
  const session = useSession()
  let turn = 0
  let gone = false
  let waiting: ReturnType<typeof setTimeout> | null = null

  async function reload(): Promise<void> {
    if (options.when && !options.when()) return
    const mine = ++turn
    loading.value = true
    try {
      const found = await ask()
      if (gone || mine !== turn) return
      data.value = found
      problem.value = null
      readAt.value = Date.now()
    } catch (error) {
      if (!gone && mine === turn && !session.expired) problem.value = asProblem(error)
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  function soon(): void {
    waiting ??= setTimeout(() => {
      waiting = null
      void reload()
    }, options.calm ?? 700)
  }

  const deaf = live.hear((message) => {
    const { name, subject } = message
    if (options.about && subject && subject !== options.about()) return
    if (name && options.facts?.some((prefix) => name.startsWith(prefix))) soon()
  })
  const timer = options.every ? setInterval(() => void reload(), options.every) : null
  watch([() => live.healed, () => session.epoch, () => session.expired], () => {
    if (!session.expired) void reload()
  })
  if (options.on) {
    watch(options.on, () => {
      data.value = null
      problem.value = null
      void reload()
    })
  }
  void reload()

  onScopeDispose(() => {
    gone = true
    deaf()
    if (timer) clearInterval(timer)
    if (waiting) clearTimeout(waiting)
  })
  return { data, problem, loading, readAt, reload }
}
