/** What the cockpit shows, asked for in one go: each part only with its permission. */
import type { DistrictIndex, HealthIndex, VitalSign } from './indicators'
import * as indicators from './indicators'
import type { AlarmRow } from './sensing'
import * as sensing from './sensing'
import type { SituationRow } from './intake'
import * as intake from './intake'

export interface News {
  key: string
  at: string
  state: 'ok' | 'att' | 'bad'
  title: { zh: string; en: string }
  word: string
  subject: string
}

export interface Overview {
  as_of: string | null
  health: HealthIndex | null
  signs: VitalSign[] | null
  districts: DistrictIndex[] | null
  situations: SituationRow[] | null
  live_situations: number | null
  open_cases: number | null
  units: never[] | null
  news: News[] | null
  devices: { online: number; silent: number } | null
}

const newsOf = (row: AlarmRow): News => ({
  key: `alarm-${String(row.id)}-${row.cleared_at ?? ''}`,
  at: row.cleared_at ?? row.happened_at,
  state: row.cleared_at ? 'ok' : row.level === 'red' ? 'bad' : 'att',
  title: { zh: `${row.device_name.zh} ${row.rule_name.zh}`, en: `${row.device_name.en}: ${row.rule_name.en}` },
  word: row.cleared_at ? 'cleared' : 'raised',
  subject: row.subject,
})

export async function overview(can: (permission: string) => boolean): Promise<Overview> {
  const only = <T>(permission: string, ask: () => Promise<T>): Promise<T | null> =>
    can(permission) ? ask() : Promise.resolve(null)
  const [health, signs, districts, page, alarms, points] = await Promise.all([
    only('indicators.read_values', () => indicators.health()),
    only('indicators.read_values', () => indicators.signs()),
    only('indicators.read_values', () => indicators.districts()),
    only('intake.read_situations', () => intake.situations({ state: 'open' }, null, 12)),
    only('sensing.read_alarms', () => sensing.alarms({}, null, 8)),
    only('sensing.read_devices', () => sensing.devicePoints()),
  ])
  return {
    as_of: page?.as_of ?? null,
    health,
    signs,
    districts,
    situations: page?.items ?? null,
    live_situations: page?.total ?? null,
    open_cases: null,
    units: null,
    news: alarms?.items.map(newsOf) ?? null,
    devices: points
      ? { online: points.filter((point) => point.online).length, silent: points.filter((point) => !point.online).length }
      : null,
  }
}
