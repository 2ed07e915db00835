/** What the search box can find: one finder per kind of thing, offered by permission. */

export interface Found {
  kind: string
  title: string
  note: string
  path: string
}

export interface Finder {
  name: string
  permission: string
  find: (text: string) => Promise<Found[]>
}

export const finders: Finder[] = []
