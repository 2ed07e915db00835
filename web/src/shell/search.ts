/** What the search box can find: one finder per kind of thing, offered by permission. */
import * as cases from '@/api/cases'
import * as intake from '@/api/intake'
import * as sensing from '@/api/sensing'
import { inLanguage } from '@/locales'

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

const MOST = 5

/** Cases are looked for among those in work first, then among the closed ones. */
async function findCases(text: string): Promise<Found[]> {
  const pages = await Promise.all(
    (['open', 'closed'] as const).map((tab) => cases.worklist(tab, { text }, null, MOST)),
  )
  return pages
    .flatMap((page) => page.items)
    .slice(0, MOST)
    .map((row) => ({ kind: 'case', title: row.title, note: row.case_no, path: `/cases/${String(row.id)}?tab=${row.closed_at ? 'closed' : 'open'}` }))
}

export const finders: Finder[] = [
  { name: 'case', permission: 'cases.read_cases', find: findCases },
  {
    name: 'situation',
    permission: 'intake.read_situations',
    find: async (text) =>
      (await intake.situations({ text }, null, MOST)).items.map((row) => ({
        kind: 'situation',
        title: inLanguage(row.title),
        note: row.number,
        path: `/intake/${String(row.id)}?state=${row.state}`,
      })),
  },
  {
    name: 'device',
    permission: 'sensing.read_devices',
    find: async (text) =>
      (await sensing.devices({ search: text }, null, MOST)).items.map((row) => ({
        kind: 'device',
        title: inLanguage(row.name),
        note: row.key,
        path: `/sensing/devices/${String(row.id)}`,
      })),
  },
]
