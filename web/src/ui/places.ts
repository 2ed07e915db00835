/** Where a subject of the city is shown: `cases:5` is the page of case 5. */

interface Place {
  pattern: RegExp
  path: (id: string) => string
  permission: string
}

const PLACES: Place[] = [
  { pattern: /^cases:(\d+)$/, path: (id) => `/cases/${id}`, permission: 'cases.read_cases' },
  { pattern: /^intake:(\d+)$/, path: (id) => `/intake/${id}`, permission: 'intake.read_situations' },
  { pattern: /^sensing:device-(\d+)$/, path: (id) => `/sensing/devices/${id}`, permission: 'sensing.read_devices' },
  { pattern: /^sensing:(\d+)$/, path: (id) => `/sensing/alarms/${id}`, permission: 'sensing.read_alarms' },
  {
    pattern: /^indicators:([A-Za-z0-9_-]+)$/,
    path: (id) => `/indicators/${id}`,
    permission: 'indicators.read_values',
  },
  { pattern: /^core:area-(\d+)$/, path: (id) => `/cases?tab=open&area=${id}`, permission: 'cases.read_cases' },
  { pattern: /^core:calendar-(\d{4})$/, path: (id) => `/settings/calendar/${id}`, permission: 'core.read_calendar' },
]

/** The path of a subject's page; null when there is none that the viewer may open. */
export function placeOf(subject: string, can: (permission: string) => boolean): string | null {
  for (const place of PLACES) {
    const found = place.pattern.exec(subject)
    if (found?.[1]) return can(place.permission) ? place.path(found[1]) : null
  }
  return null
}

/** Where something stands as a point for the map; null where nobody has said. */
export function pointOf<Id extends number | string>(
  row: { id: Id; lon: number | null; lat: number | null } | null | undefined,
): { id: Id; lon: number; lat: number } | null {
  return row && row.lon !== null && row.lat !== null ? { id: row.id, lon: row.lon, lat: row.lat } : null
}
