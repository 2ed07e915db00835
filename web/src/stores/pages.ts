/** A list that is read page by page and grows downwards; facts never move what is under the pointer. */
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { asProblem, type Problem } from '@/api/problems'
import { useLive } from './live'
import { useSession } from './session'

export interface OnePage<T> {
  items: T[]
  next: string | null
  total: number | null
  as_of: string
}

export interface Pages<T> {
  items: ShallowRef<T[]>
  total: Ref<number | null>
  asOf: Ref<string | null>
  more: ComputedRef<boolean>
  busy: Ref<boolean>
  /** The first page was read. */
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  /** Rows that are not shown yet, by the list's own filters: the "3 new" chip. */
  fresh: Ref<number>
  reload: () => Promise<void>
  readMore: () => Promise<void>
}

export interface PagesOptions<T> {
  /** Facts that may bring new rows: the list is looked at, what is new is counted, and shown when the person asks. */
  news?: string[]
  /** Facts that change rows: those that are shown are read again in place. */
  changes?: string[]
  key: (row: T) => number | string
  on?: () => unknown
  when?: () => boolean
}

/** How many rows of a first page are new beside those that are shown. Rows that only moved up because others left
 *  come from pages that were not read yet: they stand behind every row that is known. */
export function newRows<T>(page: T[], shown: T[], key: (row: T) => number | string, whole: boolean): number {
  const known = new Set(shown.map(key))
  const last = page.findLastIndex((row) => known.has(key(row)))
  const part = whole || last < 0 ? page : page.slice(0, last)
  return part.filter((row) => !known.has(key(row))).length
}

export function usePages<T>(ask: (cursor: string | null) => Promise<OnePage<T>>, options: PagesOptions<T>): Pages<T> {
  const items = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const total = ref<number | null>(null)
  const asOf = ref<string | null>(null)
  const busy = ref(false)
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const fresh = ref(0)
  const live = useLive()
  const session = useSession()
  let turn = 0
  /** How many rows there were when the list was last taken over. */
  let told: number | null = null
  let gone = false
  let waiting: ReturnType<typeof setTimeout> | null = null

  async function read(cursor: string | null, put: (page: OnePage<T>) => void): Promise<void> {
    if (options.when && !options.when()) return
    const mine = ++turn
    busy.value = true
    try {
      const page = await ask(cursor)
      if (gone || mine !== turn) return
      put(page)
      total.value = page.total
      asOf.value = page.as_of
      problem.value = null
      known.value = true
    } catch (error) {
      if (!gone && mine === turn && !session.expired) problem.value = asProblem(error)
    } finally {
      if (mine === turn) busy.value = false
    }
  }

  const reload = (): Promise<void> =>
    read(null, (page) => {
      items.value = page.items
      next.value = page.next
      fresh.value = 0
      told = page.total
    })

  const readMore = (): Promise<void> =>
    read(next.value, (page) => {
      const seen = new Set(items.value.map(options.key))
      items.value = [...items.value, ...page.items.filter((row) => !seen.has(options.key(row)))]
      next.value = page.next
    })

  /** Rows that are shown take their new values; none comes, none goes, none moves. What is new is counted. */
  const refresh = (): Promise<void> =>
    read(null, (page) => {
      const found = new Map(page.items.map((row) => [options.key(row), row]))
      if (items.value.length === 0) {
        items.value = page.items
        next.value = page.next
        told = page.total
        return
      }
      const more = page.total !== null && told !== null ? page.total - told : 0
      fresh.value = Math.max(newRows(page.items, items.value, options.key, next.value === null), more)
      items.value = items.value.map((row) => found.get(options.key(row)) ?? row)
    })

  const deaf = live.hear(({ name }) => {
    if (!name) return
    if ([...(options.news ?? []), ...(options.changes ?? [])].some((prefix) => name.startsWith(prefix))) {
      waiting ??= setTimeout(() => {
        waiting = null
        void refresh()
      }, 900)
    }
  })
  watch([() => live.healed, () => session.epoch, () => session.expired], () => {
    if (!session.expired) void reload()
  })
  if (options.on) {
    watch(options.on, () => {
      void reload()
    })
  }
  void reload()
  onScopeDispose(() => {
    gone = true
    deaf()
    if (waiting) clearTimeout(waiting)
  })
  return { items, total, asOf, more: computed(() => next.value !== null), busy, known, problem, fresh, reload, readMore }
}
