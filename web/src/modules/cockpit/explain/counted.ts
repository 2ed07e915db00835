/** Sheets of what is counted: units on time, what needs action, sources and devices. */
import { dueCases } from '@/api/cases'
import type { EvaluationRow, Overview } from '@/api/cockpit'
import * as sensing from '@/api/sensing'
import { inLanguage, say } from '@/locales'
import { number, percent } from '@/ui/formats'
import type { State } from '@/ui/lights'
import { stateOfSign } from '@/ui/signs'
import { spanWords } from '@/ui/spans'
import { brief, date, dateTime } from '@/ui/times'
import { end, MOST_ROWS, plain, told, type Cell, type Sheet } from './sheet'

const p = (key: string, values: Record<string, unknown> = {}): string => say(`cockpit.explain.${key}`, values)

const rateOf = (row: EvaluationRow): string =>
  row.due ? `${number(row.closed_in_time)} ÷ ${number(row.due)} × 100 = ${percent(row.on_time_closing_rate)} %` : ''

/** What all rates of on-time closing have in common. */
const rateTold = (units: NonNullable<Overview['units']>, row: EvaluationRow): [string, string][] =>
  told(
    [p('definition'), p('unit.definition')],
    [p('formula'), p('unit.formula')],
    [p('sum'), rateOf(row)],
    [p('unit.numerator'), number(row.closed_in_time)],
    [p('unit.denominator'), p('unit.due', { due: number(row.due), handled: number(row.handled), overdue: number(row.overdue_unhandled) })],
    [p('as_of'), p('unit.period', { from: date(units.start), to: dateTime(units.as_of) })],
    [p('source'), p('unit.source')],
  )

export async function unitSheet(code: string, data: Overview): Promise<Sheet> {
  const units = data.units
  const row = units?.rows.find((one) => one.key === code)
  if (!units || !row) return nothing(p('unit.title', { name: '—' }))
  const page = await dueCases(code, units.start, units.end, units.as_of)
  const good = (item: (typeof page.items)[number]): boolean => item.in_time && item.closed
  const state = (item: (typeof page.items)[number]): State => (good(item) ? 'ok' : item.in_time ? 'att' : 'bad')
  const word = (item: (typeof page.items)[number]): string =>
    p(good(item) ? 'unit.counts' : item.in_time ? 'unit.waits' : item.handled_at ? 'unit.late' : 'unit.overdue')
  return {
    title: p('unit.title', { name: inLanguage(row.name) }),
    value: percent(row.on_time_closing_rate),
    unit: row.on_time_closing_rate === null ? '' : '%',
    state: row.on_time_closing_rate === null ? 'unknown' : null,
    told: rateTold(units, row),
    head: [{ text: p('unit.case') }, { text: p('unit.state') }, { text: p('unit.deadline'), end: true }],
    rows: [...page.items]
      .sort((a, b) => Number(good(a)) - Number(good(b)))
      .slice(0, MOST_ROWS)
      .map((item): Cell[] => [
        { text: `${item.case_no.slice(-9)} ${inLanguage(item.title)}`, state: state(item), href: `/cases/${item.case_id}` },
        { text: `${inLanguage(item.state_name)} · ${word(item)}`, quiet: true },
        end(brief(item.deadline_at, units.as_of)),
      ]),
    total: page.total ?? page.items.length,
    more: null,
  }
}

export function unitsSheet(data: Overview): Sheet {
  const units = data.units
  if (!units) return nothing(say('cockpit.units.title'))
  return {
    title: say('cockpit.units.title'),
    value: percent(units.total.on_time_closing_rate),
    unit: units.total.on_time_closing_rate === null ? '' : '%',
    state: units.total.on_time_closing_rate === null ? 'unknown' : null,
    told: rateTold(units, units.total),
    head: [{ text: p('unit.unit') }, { text: say('cockpit.units.rate'), end: true }, { text: say('cockpit.units.of'), end: true }],
    rows: units.rows
      .filter((row) => row.due > 0)
      .sort((a, b) => Number(a.on_time_closing_rate) - Number(b.on_time_closing_rate) || b.due - a.due)
      .slice(0, MOST_ROWS)
      .map((row): Cell[] => [
        { text: inLanguage(row.name), ask: { kind: 'unit', code: row.key } },
        end(`${percent(row.on_time_closing_rate)}%`),
        end(`${number(row.closed_in_time)} / ${number(row.due)}`),
      ]),
    total: units.rows.filter((row) => row.due > 0).length,
    more: '/indicators/CI01',
  }
}

export function needsSheet(data: Overview): Sheet {
  const { needs } = data
  const row = (key: string, count: number | null | undefined, state: State, href: string): Cell[] => [
    { text: p(`needs.${key}`), state, href },
    { text: p(`needs.${key}_what`), quiet: true },
    end(number(count)),
  ]
  return {
    title: say('cockpit.needs.title'),
    value: number(needs?.total),
    unit: '',
    state: needs?.total === null || !needs ? 'unknown' : needs.overdue ? 'bad' : needs.total ? null : 'ok',
    told: told(
      [p('definition'), p('needs.definition')],
      [p('formula'), p('needs.formula')],
      [p('sum'), needs && `${number(needs.situations)} + ${number(needs.overdue)} + ${number(needs.soon)} = ${number(needs.total)}`],
      [p('as_of'), dateTime(data.as_of)],
      [p('source'), p('needs.source')],
    ),
    head: [{ text: p('needs.part') }, { text: p('needs.what') }, { text: p('value'), end: true }],
    rows: [
      ...(needs?.situations === null ? [] : [row('judge', needs?.situations, 'att', '/intake?state=open')]),
      ...(needs?.overdue === null ? [] : [row('overdue', needs?.overdue, 'bad', '/cases?tab=overdue')]),
      ...(needs?.soon === null ? [] : [row('soon', needs?.soon, 'att', '/cases?tab=soon')]),
      ...(needs?.cases === null ? [] : [row('open', needs?.cases, 'ok', '/cases?tab=open')]),
    ],
    total: 4,
    more: null,
  }
}

export function sourcesSheet(data: Overview): Sheet {
  const signs = data.signs ?? []
  const late = (sign: (typeof signs)[number]): State => (stateOfSign(sign) === 'unknown' ? 'unknown' : stateOfSign(sign) === 'stale' ? 'stale' : 'ok')
  const RANK: Record<string, number> = { unknown: 0, stale: 1, ok: 2 }
  return {
    title: p('sources.title'),
    value: data.sources ? `${number(data.sources.normal)} / ${number(signs.length)}` : '—',
    unit: say('cockpit.ticker.normal'),
    state: !data.sources ? 'unknown' : data.sources.dead ? 'unknown' : data.sources.stale ? 'stale' : 'ok',
    told: told([p('definition'), p('sources.definition')], [p('as_of'), dateTime(data.as_of)], [p('source'), p('sources.source')]),
    head: [{ text: p('indicator') }, { text: p('source') }, { text: p('sources.newest'), end: true }, { text: p('sources.age'), end: true }],
    rows: [...signs]
      .sort((a, b) => (RANK[late(a)] ?? 0) - (RANK[late(b)] ?? 0))
      .map((sign): Cell[] => [
        { text: inLanguage(sign.name), state: late(sign), ask: { kind: 'sign', code: sign.code } },
        { text: inLanguage(sign.provider), quiet: true },
        end(sign.newest ? brief(sign.newest.window_end, data.as_of) : '—'),
        end(sign.age_seconds === null ? '—' : spanWords(sign.age_seconds)),
      ]),
    total: signs.length,
    more: '/indicators',
  }
}

export async function devicesSheet(data: Overview): Promise<Sheet> {
  const away = await sensing.devices({ state: 'active', online: false }, null, MOST_ROWS)
  const { active = null, online = null } = data.devices ?? {}
  return {
    title: p('devices.title'),
    value: `${number(online)} / ${number(active)}`,
    unit: '',
    state: online === null || active === null ? 'unknown' : null,
    told: told(
      [p('definition'), p('devices.definition')],
      [p('formula'), p('devices.formula')],
      [p('sum'), Boolean(active) && online !== null && `${number(online)} ÷ ${number(active)} × 100 = ${percent(online / (active ?? 1))} %`],
      [p('as_of'), dateTime(data.as_of)],
      [p('source'), p('devices.source')],
    ),
    head: [{ text: p('devices.away') }, { text: p('devices.place') }, { text: p('devices.last'), end: true }],
    rows: away.items.map((row): Cell[] => [
      { text: inLanguage(row.name), state: 'stale', href: `/sensing/devices/${row.id}` },
      { text: [inLanguage(row.area_name), row.place].filter(Boolean).join(' · '), quiet: true },
      end(row.latest_at ? brief(row.latest_at, data.as_of) : '—'),
    ]),
    total: away.total ?? away.items.length,
    more: '/sensing/devices?online=no',
  }
}

const nothing = (title: string): Sheet => ({
  title, value: '—', unit: '', state: 'unknown', told: [], head: [], rows: [[plain(say('cockpit.not_allowed'))]], total: 1, more: null,
})
