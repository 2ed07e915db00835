/** What the search box shows: what the server found, in one row of hits that arrows walk through, by kind. */
import * as core from '@/api/core'
import { inLanguage } from '@/locales'
import { placeOf } from '@/ui/places'

export interface Found {
  subject: string
  title: string
  note: string
  state: string
  /** The hit's screen; null where it has none that this post may open. */
  path: string | null
  /** The first of its kind bears the kind's name. */
  heading: string | null
  /** The last of its kind says that there are more. */
  more: boolean
}

export function rowsOf(answer: core.SearchAnswer, can: (permission: string) => boolean): Found[] {
  return answer.groups.flatMap((group) =>
    group.hits.map((hit, index) => ({
      subject: hit.subject,
      title: inLanguage(hit.title),
      note: inLanguage(hit.note),
      state: hit.state_name ? inLanguage(hit.state_name) : '',
      path: hit.path ?? placeOf(hit.subject, can),
      heading: index === 0 ? inLanguage(group.name) : null,
      more: group.more && index === group.hits.length - 1,
    })),
  )
}
