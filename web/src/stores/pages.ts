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
  /** Rows that are still shown and belong to the list no longer; `drop` takes them out. */
  gone: ShallowRef<ReadonlySet<number | string>>
  drop: () => void
  reload: () => Promise<void>
  readMore: () => Promise<void>
}

export interface PagesOptions<T> {
  /** Facts that change rows: those that are shown are read again in place, those that left the list leave, and what
   *  is new is counted and shown when the person asks. */
  changes?: string[]
  key: (row: T) => number | string
  /** Rows that left the list stay, as `gone`, until `drop`: for lists that nothing may move under a pointer. */
  hold?: boolean
  /** Read when this changes; the rows of the list before are dropped at once. */
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

/** Pages that a list reads again in place; what lies further down is as it was read. */
const PAGES_AGAIN = 5

export function usePages<T>(ask: (cursor: string | null) => Promise<OnePage<T>>, options: PagesOptions<T>): Pages<T> {
  const items = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const total = ref<number | null>(null)
  const asOf = ref<string | null>(null)
  const busy = ref(false)
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const fresh = ref(0)
  const gone = shallowRef<ReadonlySet<number | string>>(new Set())
  const live = useLive()
  const session = useSession()
  let turn = 0
  /** How many rows there were when the list was last taken over, without those that were dropped since. */
  let told: number | null = null
  let ended = false
  let waiting: ReturnType<typeof setTimeout> | null = null

  function put(page: Pick<OnePage<T>, 'items' | 'next' | 'total'>): void {
    items.value = page.items
    next.value = page.next
    told = page.total
    fresh.value = 0
    gone.value = new Set()
  }

  async function read(look: () => Promise<OnePage<T>>, take: (page: OnePage<T>) => void): Promise<void> {
    if (options.when && !options.when()) return
    const mine = ++turn
    busy.value = true
    try {
      const page = await look()
      if (ended || mine !== turn) return
      take(page)
      total.value = page.total
      asOf.value = page.as_of
      problem.value = null
      known.value = true
    } catch (error) {
      if (!ended && mine === turn && !session.expired) problem.value = asProblem(error)
    } finally {
      if (mine === turn) busy.value = false
    }
  }

  const reload = (): Promise<void> => read(() => ask(null), (page) => { put(page) })

  const readMore = (): Promise<void> =>
    read(() => ask(next.value), (page) => {
      const seen = new Set(items.value.map(options.key))
      items.value = [...items.value, ...page.items.filter((row) => !seen.has(options.key(row)))]
      next.value = page.next
    })

  /** The list from its first page as far down as it is shown. */
  async function again(): Promise<OnePage<T>> {
    const first = await ask(null)
    const rows = [...first.items]
    let following = first.next
    for (let n = 1; n < PAGES_AGAIN && following && rows.length < items.value.length; n++) {
      const page = await ask(following)
      rows.push(...page.items)
      following = page.next
    }
    return { ...first, items: rows, next: following }
  }

  /** Rows that are shown take their new values, those that left are `gone`, new ones are counted; none moves. */
  const refresh = (): Promise<void> =>
    read(again, (page) => {
      if (items.value.length === 0) {
        put(page)
        return
      }
      const found = new Map(page.items.map((row) => [options.key(row), row]))
      // Behind the last row that was read again nothing is known, so nothing there is taken for gone.
      const shown = items.value.map(options.key)
      const end = page.next === null ? shown.length : shown.findLastIndex((key) => found.has(key))
      const left = shown.filter((key, at) => at < end && !found.has(key))
      const more = page.total !== null && told !== null ? page.total - (told - left.length) : 0
      fresh.value = Math.max(newRows(page.items, items.value, options.key, next.value === null), more)
      items.value = items.value.map((row) => found.get(options.key(row)) ?? row)
      gone.value = new Set(left)
      if (!options.hold) drop()
    })

  function drop(): void {
    if (gone.value.size === 0) return
    items.value = items.value.filter((row) => !gone.value.has(options.key(row)))
    if (told !== null) told -= gone.value.size
    gone.value = new Set()
    if (items.value.length === 0 && next.value !== null) void reload()
  }

  const deaf = live.hear(({ name }) => {
    if (name && options.changes?.some((prefix) => name.startsWith(prefix))) {
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
      put({ items: [], next: null, total: null })
      total.value = null
      problem.value = null
      known.value = false
      void reload()
    })
  }
  void reload()
  onScopeDispose(() => {
    ended = true
    deaf()
    if (waiting) clearTimeout(waiting)
  })
  const more = computed(() => next.value !== null)
  return { items, total, asOf, more, busy, known, problem, fresh, gone, drop, reload, readMore }
}
