/** One navigation by centre. An entry whose permission the post lacks is absent. */
import {
  Activity,
  Briefcase,
  Gauge,
  Inbox,
  RadioTower,
  ScrollText,
  Settings,
  type LucideIcon,
} from '@lucide/vue'

export interface Entry {
  name: string
  path: string
  icon: LucideIcon
  /** Any of these opens it. */
  permissions: string[]
}

export interface Centre {
  name: string
  entries: Entry[]
}

export const CENTRES: Centre[] = [
  {
    name: 'command',
    entries: [
      { name: 'situation', path: '/situation', icon: Activity, permissions: ['spatial.read_map'] },
      { name: 'intake', path: '/intake', icon: Inbox, permissions: ['intake.read_situations'] },
      { name: 'cases', path: '/cases', icon: Briefcase, permissions: ['cases.read_cases'] },
      { name: 'sensing', path: '/sensing', icon: RadioTower, permissions: ['sensing.read_devices', 'sensing.read_alarms', 'sensing.read_rejected', 'sensing.read_accounting'] },
      { name: 'indicators', path: '/indicators', icon: Gauge, permissions: ['indicators.read_values'] },
    ],
  },
  {
    name: 'running',
    entries: [
      { name: 'audit', path: '/audit', icon: ScrollText, permissions: ['core.read_audit'] },
      {
        name: 'settings',
        path: '/settings',
        icon: Settings,
        permissions: ['core.read_calendar', 'core.read_accounts', 'core.read_keys', 'core.read_runs', 'core.read_deliveries'],
      },
    ],
  },
]

/** The centres with the entries that `can` opens; a centre without any is absent. */
export function centresFor(can: (permission: string) => boolean, centres: Centre[] = CENTRES): Centre[] {
  return centres
    .map((centre) => ({ ...centre, entries: centre.entries.filter((entry) => entry.permissions.some(can)) }))
    .filter((centre) => centre.entries.length > 0)
}
