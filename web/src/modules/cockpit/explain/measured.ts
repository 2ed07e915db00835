/** Sheets of what indicators measure: the index, a theme of it, a vital sign. */
import * as indicators from '@/api/indicators'
import { inLanguage, say } from '@/locales'
import { cost, number, percent } from '@/ui/formats'
import { quotientOf, stateOfScore, stateOfSign, sumOf } from '@/ui/signs'
import { spanWords } from '@/ui/spans'
import { dateTime } from '@/ui/times'
import { end, plain, told, type Cell, type Sheet } from './sheet'

type Health = indicators.HealthIndex
type Part = Health['contributions'][number]

const p = (key: string, values: Record<string, unknown> = {}): string => say(`cockpit.explain.${key}`, values)

function partRow(part: Part, health: Health): Cell[] {
  const note = part.dropped ? p('dropped') : part.carried ? p('carried') : ''
  return [
    {
      text: inLanguage(part.name) + (note ? ` · ${note}` : ''),
      ...(part.dropped ? { state: 'unknown' as const } : part.carried ? { state: 'stale' as const } : {}),
      ask: { kind: 'sign', code: part.code },
    },
    { text: inLanguage(health.themes.find((theme) => theme.code === part.theme)?.name), quiet: true },
    end(number(part.score, 1)),
    end(`${percent(part.weight)}%`),
    end(cost(part.lost)),
  ]
}

const partHead = (): Sheet['head'] => [
  { text: p('indicator') },
  { text: say('cockpit.health.theme') },
  { text: say('cockpit.health.score'), end: true },
  { text: p('weight'), end: true },
  { text: say('cockpit.health.lost'), end: true },
]

export async function indexSheet(area: string): Promise<Sheet> {
  const health = await indicators.health(area || undefined)
  return {
    title: area ? `${inLanguage(health.area_name)} · ${p('index.title')}` : say('cockpit.health.title'),
    value: number(health.value, 1),
    unit: inLanguage(health.mark_name),
    state: health.value === null ? 'unknown' : null,
    told: told(
      [p('definition'), p('index.definition')],
      [p('formula'), p('index.formula')],
      [p('sum'), sumOf(health.themes, health.value)],
      [p('coverage'), p('index.coverage', { known: number(health.known), total: number(health.total), share: percent(health.coverage) })],
      [p('as_of'), health.at && `${dateTime(health.at)} · ${p('version', { n: health.version })}`],
      [p('source'), p('index.source')],
    ),
    head: partHead(),
    rows: health.contributions.map((part) => partRow(part, health)),
    total: health.contributions.length,
    more: '/indicators',
  }
}

export async function themeSheet(code: string): Promise<Sheet> {
  const health = await indicators.health()
  const theme = health.themes.find((one) => one.code === code)
  const parts = health.contributions.filter((part) => part.theme === code)
  const whole = parts.filter((part) => part.score !== null).reduce((all, part) => all + Number(part.weight), 0)
  const inside = parts.map((part) => ({ score: part.score, weight: whole ? String(Number(part.weight) / whole) : '0' }))
  return {
    title: p('theme.title', { name: inLanguage(theme?.name) }),
    value: number(theme?.score, 1),
    unit: '',
    state: stateOfScore(theme?.score, health.target),
    told: told(
      [p('definition'), p('theme.definition', { target: number(health.target) })],
      [p('formula'), p('theme.formula')],
      [p('sum'), theme?.capped ? p('theme.capped') : sumOf(inside, theme?.score)],
      [p('weight'), theme && `${percent(theme.weight)}%`],
      [p('as_of'), health.at && `${dateTime(health.at)} · ${p('version', { n: health.version })}`],
      [p('source'), p('index.source')],
    ),
    head: partHead(),
    rows: parts.map((part) => partRow(part, health)),
    total: parts.length,
    more: '/indicators',
  }
}

export async function signSheet(code: string): Promise<Sheet> {
  const found = await indicators.indicator(code)
  const { definition, sign, districts } = found
  const { newest } = sign
  const unit = inLanguage(definition.unit)
  const state = stateOfSign(sign)
  const quotient = newest && newest.numerator !== null && newest.denominator !== null
  const limits = [
    ...(definition.thresholds.high ? [['above', definition.thresholds.high] as const] : []),
    ...(definition.thresholds.low ? [['below', definition.thresholds.low] as const] : []),
  ].map(([side, limit]) => p(`sign.${side}`, { green: number(limit.green), red: number(limit.orange ?? limit.yellow) }))
  return {
    title: inLanguage(definition.name),
    value: number(state === 'unknown' ? null : newest?.value, definition.places),
    unit: state === 'unknown' ? '' : unit,
    state,
    told: told(
      [p('definition'), inLanguage(definition.definition)],
      [p('formula'), inLanguage(definition.formula)],
      [p('sum'), quotientOf(found)],
      [inLanguage(definition.numerator), quotient && number(newest.numerator)],
      [inLanguage(definition.denominator), quotient && number(newest.denominator)],
      [p('limits'), [...limits, inLanguage(definition.thresholds.basis_text)].filter(Boolean).join(' · ')],
      [
        p('as_of'),
        newest &&
          [
            p('sign.window', { from: dateTime(newest.window_start), to: dateTime(newest.window_end) }),
            state === 'stale' && sign.age_seconds !== null ? p('sign.stale', { age: spanWords(sign.age_seconds) }) : '',
          ].filter(Boolean).join(' · '),
      ],
      [p('source'), [inLanguage(definition.provider), newest && p('sign.samples', { n: number(newest.samples) }), p('version', { n: definition.version })].filter(Boolean).join(' · ')],
      [p('owner'), inLanguage(definition.owner?.name)],
    ),
    head: [{ text: p('district') }, { text: p('value'), end: true }, { text: p('parts'), end: true }],
    rows: districts.map((row) => [
      plain(inLanguage(row.area_name)),
      end(row.newest?.value === null || !row.newest ? '—' : `${number(row.newest.value, definition.places)} ${unit}`),
      { text: row.newest?.denominator ? `${number(row.newest.numerator)} / ${number(row.newest.denominator)}` : number(row.newest?.samples), end: true, quiet: true },
    ]),
    total: districts.length,
    more: `/indicators/${code}`,
  }
}
