/** Forms keep what was typed: closed by mistake or by an ended session, it is there again. */
import { reactive, watch } from 'vue'
import { useSession } from './session'

const PLACE = 'scoc.draft.'

export interface Draft<T extends object> {
  form: T
  /** It was sent: nothing is kept. */
  clear: () => void
}

export function useDraft<T extends object>(name: string, empty: T): Draft<T> {
  // By person and post: whoever signs in next at this desk must not find words that are not theirs.
  const session = useSession()
  // By run as well: words made up for a drill must not wait in a form of real life, nor the other way round.
  const whose = [session.user?.id, session.post?.id, session.run?.id].map((id) => String(id ?? 0)).join('.')
  const key = `${PLACE}${whose}.${name}`
  let kept: Partial<T> = {}
  try {
    kept = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<T>
  } catch {
    sessionStorage.removeItem(key)
  }
  const form = reactive({ ...empty, ...kept }) as T
  const stop = watch(form, (value) => {
    sessionStorage.setItem(key, JSON.stringify(value))
  })
  return {
    form,
    clear: () => {
      stop()
      sessionStorage.removeItem(key)
    },
  }
}
