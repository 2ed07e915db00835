/** The filters of a list live in the address bar: a link or a reload shows the same rows. */
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export interface Filters<N extends string> {
  /** What is set; an empty or unknown filter is absent. */
  set: ComputedRef<Partial<Record<N, string>>>
  of: (name: N) => string
  /** Set or, by an empty text, drop filters; the others stay. */
  change: (to: Partial<Record<N, string>>) => void
  /** Changes whenever a filter does. */
  key: () => string
}

export function useFilters<N extends string>(...names: N[]): Filters<N> {
  const route = useRoute()
  const router = useRouter()
  const of = (name: N): string => {
    const value = route.query[name]
    return typeof value === 'string' ? value : ''
  }
  const set = computed(() => Object.fromEntries(names.filter(of).map((name) => [name, of(name)])) as Partial<Record<N, string>>)
  function change(to: Partial<Record<N, string>>): void {
    const query = Object.entries({ ...route.query, ...to }).filter(([, value]) => value)
    void router.replace({ path: route.path, query: Object.fromEntries(query) })
  }
  return { set, of, change, key: () => JSON.stringify(set.value) }
}
